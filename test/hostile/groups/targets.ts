/** Group f: places to restore into that lead elsewhere, can't be written, or change under the restore. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { type CaseGroup, type HostileCase, equal, isTrue, outcomeOf } from '../case.ts';
import { Stage, whileRunning } from '../stage.ts';

const isRoot = process.getuid?.() === 0;

/** A source with a file, a folder of files, a deeper one and a link; then the target as a case wants it. */
function targetCase(
  name: string,
  prepare: (stage: Stage) => void | Promise<void>,
  options: {
    readonly after?: (stage: Stage) => void;
    readonly skip?: HostileCase['skip'];
    readonly defect?: string;
  } = {},
): HostileCase {
  return {
    name,
    ...(options.skip === undefined ? {} : { skip: options.skip }),
    ...(options.defect === undefined ? {} : { defect: options.defect }),
    run: async (room) => {
      const stage = new Stage(room);
      fillSource(stage);
      await stage.backup();
      mkdirSync(stage.target);
      await prepare(stage);
      await room.attack(() => stage.restoreInEveryMode());
      options.after?.(stage);
    },
  };
}

function fillSource(stage: Stage): void {
  stage.put('file');
  stage.put('folder/file');
  stage.put('folder/deep/secret', 'not the secret');
  symlinkSync('file', path.join(stage.source, 'link'));
}

const at = (stage: Stage, ...names: readonly string[]): string => path.join(stage.target, ...names);
const outside = (stage: Stage, ...names: readonly string[]): string => path.join(stage.room.outside, ...names);
const isWhole = (stage: Stage): void => {
  equal(readFileSync(at(stage, 'file'), 'utf8'), 'content of file', 'the restored file');
  isTrue(lstatSync(at(stage, 'file')).isFile(), 'a file was restored as something else');
};

const TRAPS: readonly HostileCase[] = [
  targetCase(
    'a link in the place of a file is replaced, not written through',
    (s) => symlinkSync(outside(s, 'file'), at(s, 'file')),
    { after: isWhole },
  ),
  targetCase(
    'a dangling link in the place of a file makes nothing where it leads',
    (s) => symlinkSync(outside(s, 'new'), at(s, 'file')),
    { after: isWhole },
  ),
  targetCase('a link in the place of a folder is not entered', (s) =>
    symlinkSync(outside(s, 'folder'), at(s, 'folder')),
  ),
  targetCase('a link to the parent in the place of a folder is not entered', (s) => symlinkSync('..', at(s, 'folder'))),
  targetCase('a link to itself in the place of a folder is not entered', (s) => symlinkSync('folder', at(s, 'folder'))),
  targetCase('a link deep in the target is not entered', (s) => {
    mkdirSync(at(s, 'folder'));
    symlinkSync(outside(s, 'folder', 'deep'), at(s, 'folder', 'deep'));
  }),
  targetCase(
    'a hard link to a file outside is replaced, not written into',
    (s) => {
      linkSync(at(s, '..', 'bystander'), at(s, 'file'));
    },
    { after: isWhole },
  ),
  targetCase('a hard link to a file outside in a folder is replaced, not written into', (s) => {
    mkdirSync(at(s, 'folder'));
    linkSync(at(s, '..', 'bystander'), at(s, 'folder', 'file'));
  }),
  targetCase(
    'a pipe in the place of a file is replaced without waiting',
    (s) => void execFileSync('mkfifo', [at(s, 'file')]),
    { after: isWhole },
  ),
  targetCase(
    'a pipe in the place of a folder is put aside without waiting',
    (s) => void execFileSync('mkfifo', [at(s, 'folder')]),
  ),
  targetCase(
    'a device in the place of a file is replaced, not written to',
    (s) => void execFileSync('mknod', [at(s, 'file'), 'c', '1', '7']),
    {
      skip: () => (isRoot ? undefined : 'only root makes devices'),
      after: isWhole,
    },
  ),
  targetCase(
    'a socket in the place of a file is replaced',
    async (s) => {
      process.chdir(s.target);
      const server = createServer().listen('file');
      await new Promise((resolve) => server.once('listening', resolve));
      server.unref();
    },
    { after: isWhole },
  ),
  targetCase('a folder in the place of a file is put aside, with what is in it', (s) => {
    mkdirSync(at(s, 'file'));
    writeFileSync(at(s, 'file', 'mine'), 'mine');
  }),
  targetCase('a file in the place of a folder is put aside', (s) => writeFileSync(at(s, 'folder'), 'mine')),
  targetCase('a folder in the place of a link is put aside', (s) => {
    mkdirSync(at(s, 'link'));
    writeFileSync(at(s, 'link', 'mine'), 'mine');
  }),
  targetCase('a link in the place of a link is replaced, not followed', (s) =>
    symlinkSync(outside(s, 'file'), at(s, 'link')),
  ),
  targetCase('links to outside beside the restored names are removed by --delete as links', (s) => {
    symlinkSync(outside(s), at(s, 'stray'));
    symlinkSync(outside(s, 'folder'), at(s, 'stray2'));
  }),
  targetCase(
    'a folder with a link to outside beside the restored names is removed by --delete without entering',
    (s) => {
      mkdirSync(at(s, 'stray', 'deep'), { recursive: true });
      symlinkSync(outside(s), at(s, 'stray', 'deep', 'way'));
    },
  ),
  targetCase('names of temporary files that are links are not written through', (s) => {
    for (const name of ['.cairn-tmp', '.cairn-0000000000000000-0', 'tmp-0000000000000000'])
      symlinkSync(outside(s, 'file'), at(s, name));
  }),
  targetCase('a target without any right ends in problems or a typed error', (s) => chmodSync(s.target, 0), {
    after: (s) => chmodSync(s.target, 0o700),
  }),
  targetCase(
    'a folder without any right in the target ends in problems',
    (s) => {
      mkdirSync(at(s, 'folder'));
      chmodSync(at(s, 'folder'), 0);
    },
    { after: (s) => chmodSync(at(s, 'folder'), 0o700) },
  ),
  targetCase('a file that is read-only is replaced or a problem', (s) => {
    writeFileSync(at(s, 'file'), 'old');
    chmodSync(at(s, 'file'), 0o400);
  }),
  targetCase('a target of a thousand strangers is left alone but for --delete', (s) => {
    for (let index = 0; index < 1000; index++) writeFileSync(at(s, `stranger${index}`), 'mine');
  }),
];

/** Hard links need a file on the same filesystem that a case's folder keeps. */
function withBystander(found: HostileCase): HostileCase {
  return {
    ...found,
    run: async (room) => {
      const bystander = room.path('bystander');
      writeFileSync(bystander, 'precious');
      await found.run(room);
      equal(readFileSync(bystander, 'utf8'), 'precious', 'the file outside');
    },
  };
}

/** The target itself is strange. */
const PLACES: readonly HostileCase[] = (
  [
    ['a target that is a file is refused', (s) => writeFileSync(s.target, 'mine'), (s) => s.target],
    [
      'a target that is a pipe is refused without waiting',
      (s) => void execFileSync('mkfifo', [s.target]),
      (s) => s.target,
    ],
    [
      'a target that is a link to a file is refused',
      (s) => symlinkSync(path.join(s.room.outside, 'file'), s.target),
      (s) => s.target,
    ],
    [
      'a target that is a dangling link ends in a typed error or a folder of its own',
      (s) => symlinkSync('nowhere', s.target),
      (s) => s.target,
    ],
    ['a target below a file is refused', (s) => writeFileSync(s.target, 'mine'), (s) => path.join(s.target, 'below')],
    ['a target inside the repository is refused', () => undefined, (s) => path.join(s.place, 'packs', 'inside')],
    ['the repository as target is refused', () => undefined, (s) => s.place],
    ['a link to the repository as target is refused', (s) => symlinkSync(s.place, s.target), (s) => s.target],
    ['Cairn’s home as target is refused', () => undefined, (s) => s.room.path('home')],
    ['a target with a NUL in its name is refused', () => undefined, (s) => `${s.target}\0`],
    ['a target of 100,000 bytes is refused', () => undefined, (s) => path.join(s.target, 'x'.repeat(100_000))],
    ['a target that is empty text is refused or the working folder', () => undefined, () => ''],
  ] as readonly (readonly [string, (stage: Stage) => void, (stage: Stage) => string])[]
).map(([name, prepare, target]): HostileCase => ({
  name,
  run: async (room) => {
    const stage = new Stage(room);
    fillSource(stage);
    await stage.backup();
    prepare(stage);
    const { describeTree } = await import('../canary.ts');
    mkdirSync(room.path('work'));
    process.chdir(room.path('work'));
    const before = describeTree(stage.place);
    await room.attack(() => stage.restoreInEveryMode({ target: Buffer.from(target(stage)) }));
    equal(describeTree(stage.place), before, 'the repository');
    isTrue(!existsSync(path.join(stage.place, 'file')), 'the repository was restored into');
  },
}));

const AROUND: readonly HostileCase[] = [
  {
    name: 'a target around the repository leaves it alone, also with --delete',
    run: async (room) => {
      const stage = new Stage(room);
      fillSource(stage);
      await stage.backup();
      await room.attack(async () => {
        await outcomeOf(() =>
          stage.restore({ target: Buffer.from(room.path('repository', '..')), overwrite: 'always' }),
        );
      });
      isTrue(existsSync(path.join(stage.place, 'config')), 'the repository is gone');
      rmSync(room.path('file'), { force: true });
    },
  },
  {
    name: 'a restore over the source of a running backup ends, and both say something true',
    run: async (room) => {
      const stage = new Stage(room);
      for (let index = 0; index < 200; index++) stage.put(`folder${index % 10}/file${index}`);
      await stage.backup();
      await room.attack(async () => {
        await Promise.all([
          outcomeOf(() => stage.backup()),
          outcomeOf(() => stage.restore({ target: Buffer.from(stage.source), overwrite: 'always' })),
          outcomeOf(() => stage.backup()),
        ]);
        equal((await (await stage.repository()).verify({ depth: { kind: 'deep' } })).ok, true, 'verify');
      });
    },
  },
];

/** A process changes the target as fast as it can while it is restored into. */
function raceCase(name: string, script: string): HostileCase {
  return {
    name,
    run: async (room) => {
      const stage = new Stage(room);
      for (let index = 0; index < 40; index++) stage.put(`swapped/file${index}`);
      stage.put('swapped/deep/secret', 'evil');
      await stage.backup();
      mkdirSync(stage.target);
      await room.attack(() =>
        whileRunning(script, stage.target, async () => {
          for (let round = 0; round < 8; round++) {
            await outcomeOf(() => stage.restore({ overwrite: 'always', delete: round % 2 === 0 }));
          }
        }),
      );
    },
  };
}

const RACES: readonly HostileCase[] = [
  raceCase(
    'nothing lands outside while a folder is swapped for a link and back',
    "t(()=>fs.renameSync('swapped','away'));t(()=>fs.symlinkSync('../outside','swapped'));t(()=>fs.unlinkSync('swapped'));t(()=>fs.renameSync('away','swapped'));",
  ),
  raceCase(
    'nothing lands outside while files are swapped for links',
    "t(()=>fs.unlinkSync('swapped/file'+round%40));t(()=>fs.symlinkSync('../../outside/file','swapped/file'+round%40));",
  ),
  raceCase(
    'nothing lands outside while a folder below is swapped for a link',
    "t(()=>fs.rmSync('swapped/deep',{recursive:true}));t(()=>fs.symlinkSync('../../outside/folder/deep','swapped/deep'));t(()=>fs.unlinkSync('swapped/deep'));",
  ),
  raceCase(
    'a restore ends while files turn into pipes and folders',
    "t(()=>fs.rmSync('swapped/file'+round%40,{recursive:true}));t(()=>fs.mkdirSync('swapped/file'+round%40));",
  ),
  raceCase(
    'a restore ends while the target is removed again and again',
    "t(()=>fs.rmSync('swapped',{recursive:true,force:true}));",
  ),
];

export const TARGETS: CaseGroup = {
  name: 'targets',
  cases: [...TRAPS.map(withBystander), ...PLACES, ...AROUND, ...RACES],
};
