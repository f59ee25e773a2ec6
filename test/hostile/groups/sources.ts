/** Group g: sources that change into something else while they are backed up, and names that drive a terminal. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeTree } from '../canary.ts';
import { type CaseGroup, type CaseRoom, type HostileCase, equal, fail, isTrue, outcomeOf } from '../case.ts';
import { Stage, whileRunning } from '../stage.ts';

const SECRET = 'root:x:0:0';

/** No byte of the files outside may be in any snapshot. */
async function restoredHasNoSecret(stage: Stage): Promise<void> {
  const repository = await stage.repository();
  const snapshots = await repository.snapshots();
  for (const { id } of snapshots) {
    const target = stage.room.path(`restored-${id.slice(0, 8)}`);
    await stage.restore({ from: { snapshot: id, path: new Uint8Array(0) }, target: Buffer.from(target) });
    // describeTree follows no link; readdir with `recursive` would.
    const tree = describeTree(target);
    if (tree.includes(SECRET) || tree.includes('precious')) fail(`snapshot ${id} holds what lies outside:\n${tree}`);
  }
}

function raceCase(name: string, script: string, more: Partial<HostileCase> = {}): HostileCase {
  return {
    name,
    ...more,
    run: async (room) => {
      const stage = new Stage(room);
      for (let index = 0; index < 60; index++) stage.put(`swapped/file${index}`, `honest ${index}`);
      stage.put('swapped/deep/secret', 'honest');
      await room.attack(() =>
        whileRunning(script, stage.source, async () => {
          for (let round = 0; round < 4; round++) await outcomeOf(() => stage.backup());
        }),
      );
      await restoredHasNoSecret(stage);
      equal((await (await stage.repository()).verify({ depth: { kind: 'deep' } })).ok, true, 'verify');
    },
  };
}

const RACES: readonly HostileCase[] = [
  raceCase(
    'a file that is swapped for a link is never read through it',
    "const f='swapped/file'+round%60;t(()=>fs.unlinkSync(f));t(()=>fs.symlinkSync('../../outside/file',f));t(()=>fs.unlinkSync(f));t(()=>fs.writeFileSync(f,'honest'));",
  ),
  raceCase(
    'a folder that is swapped for a link is never read through it',
    "t(()=>fs.renameSync('swapped/deep','swapped/away'));t(()=>fs.symlinkSync('../../outside/folder/deep','swapped/deep'));t(()=>fs.unlinkSync('swapped/deep'));t(()=>fs.renameSync('swapped/away','swapped/deep'));",
  ),
  raceCase(
    'the source’s own folder that is swapped for a link below is never read through it',
    "t(()=>fs.renameSync('swapped','away'));t(()=>fs.symlinkSync('../outside','swapped'));t(()=>fs.unlinkSync('swapped'));t(()=>fs.renameSync('away','swapped'));",
  ),
  raceCase(
    'a file that is swapped for a pipe stops no backup',
    "const f='swapped/file'+round%60;t(()=>fs.unlinkSync(f));t(()=>require('node:child_process').execFileSync('mkfifo',[f]));t(()=>fs.unlinkSync(f));t(()=>fs.writeFileSync(f,'honest'));",
  ),
  raceCase(
    'a file that grows for ever stops no backup',
    "t(()=>fs.appendFileSync('swapped/file1','x'.repeat(100000)));if(round%200===199)t(()=>fs.truncateSync('swapped/file1',0));",
  ),
  raceCase(
    'a file that shrinks and grows stops no backup',
    "t(()=>fs.truncateSync('swapped/file1',round%2?0:3000000));",
  ),
  raceCase(
    'names that come and go stop no backup',
    "t(()=>fs.writeFileSync('swapped/new'+round%30,'n'));t(()=>fs.unlinkSync('swapped/new'+(round+15)%30));",
  ),
];

const SPECIAL: readonly HostileCase[] = [
  {
    name: 'a source of pipes, sockets and devices is backed up without waiting',
    run: async (room) => {
      const stage = new Stage(room);
      execFileSync('mkfifo', [path.join(stage.source, 'pipe')]);
      symlinkSync('/dev/zero', path.join(stage.source, 'zero'));
      symlinkSync('loop', path.join(stage.source, 'loop'));
      await room.attack(() => stage.backup());
    },
  },
  {
    name: 'a sparse file of 64 GiB is no reason to hold it in memory',
    skip: () => 'reading 64 GiB of zeros takes minutes; the torture runs have it',
    run: async (room) => {
      const stage = new Stage(room);
      truncateSync(stage.put('huge'), 64 * 2 ** 30);
      await room.attack(() => stage.backup());
    },
  },
  {
    name: 'a folder of 5,000 names is backed up in bounded memory',
    run: async (room) => {
      const stage = new Stage(room);
      for (let index = 0; index < 5_000; index++) writeFileSync(path.join(stage.source, `name${index}`), '');
      await room.attack(() => stage.backup());
    },
  },
  {
    name: 'a chain of 800 folders is backed up and restored, or is a problem',
    run: async (room) => {
      const stage = new Stage(room);
      const above = process.cwd();
      process.chdir(stage.source);
      for (let depth = 0; depth < 800; depth++) {
        mkdirSync('d');
        process.chdir('d');
      }
      writeFileSync('bottom', 'here');
      process.chdir(above);
      await room.attack(async () => {
        await stage.backup();
        await outcomeOf(() => stage.restore());
      });
      spawnSync('rm', ['-rf', stage.source, stage.target]);
    },
  },
];

/** Names that drive a terminal, fool a person or end a line. */
const EVIL_NAMES = [
  'esc\u001b[2Jclear',
  'title\u001b]0;owned\u0007',
  'line\nbreak',
  'return\rover',
  'tab\tbell\u0007',
  'c1\u009b31m',
  'rtl\u202egpj.exe',
  'zero\u200bwidth',
  'sep\u2028line',
  'back\u0008space',
  'del\u007f',
];

/** Everything a person sees, but the newlines between lines. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

const PROGRAM = path.resolve(import.meta.dirname, '../../../out/main/cli.js');

function cli(room: CaseRoom, args: readonly string[]): { readonly text: string; readonly status: number | null } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: room.folder,
    encoding: 'utf8',
    timeout: 15_000,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: room.folder,
      TZ: 'UTC',
      CAIRN_HOME: room.path('home'),
      CAIRN_REPO: room.path('repository'),
    },
  });
  return { text: `${stdout}${stderr}`, status };
}

function outputCase(
  name: string,
  args: (room: CaseRoom) => readonly string[],
  prepare: (room: CaseRoom) => void = () => undefined,
): HostileCase {
  return {
    name: `cairn ${name} prints no raw control character of a name`,
    ...(existsSync(PROGRAM) ? {} : { skip: () => 'out/main/cli.js is not built' }),
    run: (room) => {
      const source = room.path('evil\u001b[31m source');
      mkdirSync(source);
      for (const evil of EVIL_NAMES) {
        writeFileSync(path.join(source, evil), evil);
        mkdirSync(path.join(source, `folder ${evil}`));
        symlinkSync(evil, path.join(source, `link ${evil}`));
      }
      const first = cli(room, ['init', '--no-encryption']);
      isTrue(first.status === 0, `init: ${first.text}`);
      const backup = ['backup', source, '--tag', 'tag\u001b[31m', '--note', 'note\u001b[2J\nnext'];
      const made = cli(room, backup);
      isTrue(made.status === 0 || made.status === 3, `backup: ${made.text}`);
      writeFileSync(path.join(source, EVIL_NAMES[0] ?? ''), 'changed');
      prepare(room);
      const texts = [made.text, cli(room, args(room)).text];
      for (const text of texts) {
        const raw = RAW.exec(text);
        if (raw !== null)
          fail(
            `U+${raw[0].codePointAt(0)?.toString(16) ?? ''} in ${JSON.stringify(text.slice(Math.max(0, raw.index - 60), raw.index + 40))}`,
          );
        if (text.includes('line\nbreak')) fail('a name ends a line');
      }
    },
  };
}

const evilSource = (room: CaseRoom): string => room.path('evil\u001b[31m source');
const OUTPUTS: readonly HostileCase[] = [
  outputCase('snapshots', () => ['snapshots']),
  outputCase('ls', () => ['ls', 'latest', '--recursive']),
  outputCase('find', () => ['find', '*']),
  outputCase('find with such a pattern', () => ['find', '*\u001b[2J*']),
  outputCase('versions', () => ['versions', EVIL_NAMES[0] ?? '']),
  outputCase('versions of a name that is not there', () => ['versions', 'nobody\u001b[2J']),
  outputCase('diff with live', () => ['diff', 'latest', 'live']),
  outputCase('diff of one with itself', () => ['diff', 'latest', 'latest']),
  outputCase('restore --dry-run', (room) => ['restore', 'latest', '--target', room.path('to\u001b[2J'), '--dry-run']),
  outputCase('restore', (room) => ['restore', 'latest', '--target', room.path('to\u001b[2J')]),
  outputCase('restore of a path that is not there', (room) => [
    'restore',
    'latest:nobody\u001b[2J',
    '--target',
    room.path('to'),
  ]),
  outputCase(
    'restore into a file',
    (room) => ['restore', 'latest', '--target', room.path('to\u001b[2J')],
    (room) => writeFileSync(room.path('to\u001b[2J'), 'mine'),
  ),
  outputCase('cat of a folder', () => ['cat', `latest:folder ${EVIL_NAMES[0] ?? ''}`]),
  outputCase('verify --deep', () => ['verify', '--deep']),
  outputCase(
    'verify with a strange file in the repository',
    () => ['verify'],
    (room) => writeFileSync(room.path('repository', 'stray'), 'x'),
  ),
  outputCase('chains', () => ['chains']),
  outputCase('stats', () => ['stats']),
  outputCase('doctor', () => ['doctor']),
  outputCase('key list', () => ['key', 'list']),
  outputCase('backup of a source that is not there', (room) => ['backup', `${evilSource(room)} gone\u001b[2J`]),
  outputCase('backup with a pattern that can’t be understood', (room) => [
    'backup',
    evilSource(room),
    '--exclude',
    '[\u001b[2J',
  ]),
  outputCase('with a repository that is not there', (room) => ['snapshots', '--repo', room.path('no\u001b[2Jwhere')]),
  outputCase('with a snapshot that is not one', () => ['ls', '\u001b[2Jlatest']),
  outputCase('with a command that is none', () => ['\u001b[2Jexplode']),
  outputCase('with an option that is none', () => ['snapshots', '--\u001b[2Jexplode']),
];

export const SOURCES: CaseGroup = { name: 'sources', cases: [...RACES, ...SPECIAL, ...OUTPUTS] };
