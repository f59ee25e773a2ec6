import path from 'node:path';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { restoreExit, restoreText } from '../../src-main/cli/commands/restore.ts';
import { entryText } from '../../src-main/cli/commands/ls.ts';
import { verifyText } from '../../src-main/cli/commands/verify.ts';
import { problemText } from '../../src-main/cli/output-report.ts';
import { box, displayWidth, localTime, shortenStart, styleFor, table } from '../../src-main/cli/output-style.ts';
import { Output } from '../../src-main/cli/output.ts';
import { localPath, pathBytes, snapshotPath } from '../../src-main/cli/paths.ts';
import { progressOn, progressText } from '../../src-main/cli/progress.ts';
import { escapePath } from '../../src-shared/format/index.ts';
import type { Progress, RestoreReport, VerifyReport } from '../../src-shared/model/index.ts';

const plain = styleFor({}, {});
const clockAt = (time: { ms: number }) => ({ wallMs: () => time.ms, monotonicMs: () => time.ms });

describe('colour', () => {
  it('is used on a terminal only, and never with NO_COLOR', () => {
    expect(styleFor({ isTTY: true }, {}).red('x')).toBe('\u001b[31mx\u001b[39m');
    for (const style of [
      styleFor({}, {}),
      styleFor({ isTTY: true }, { NO_COLOR: '1' }),
      styleFor({ isTTY: true }, { TERM: 'dumb' }),
    ]) {
      expect(style.red('x')).toBe('x');
    }
  });
});

describe('columns', () => {
  it('line up where letters take two columns or none', () => {
    const rows = [
      ['日本', '1', 'a'],
      ['e\u0301te', '22', 'b'],
    ];
    const text = table([{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'LAST' }], rows, plain);
    expect(text).toBe('NAME   N  LAST\n日本   1  a\ne\u0301te   22  b\n');
  });

  it('of a box have one width', () => {
    const widths = box(['short', 'a longer line', '日本']).trimEnd().split('\n').map(displayWidth);
    expect(new Set(widths).size).toBe(1);
  });
});

describe('a shortened path', () => {
  it('keeps its end and never exceeds the columns', () => {
    expect(shortenStart('home/reports/2026.pdf', 12)).toBe('…ts/2026.pdf');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 60 }), (text, columns) => {
        const shown = shortenStart(text, columns);
        expect(displayWidth(shown)).toBeLessThanOrEqual(Math.max(columns, 0));
        if (shown !== text && shown !== '') expect(text.endsWith(shown.slice(1))).toBe(true);
      }),
    );
  });
});

describe('progress', () => {
  const progress: Progress = {
    phase: 'backup',
    files: 1204,
    bytes: 512e6,
    filesTotal: 2000,
    bytesTotal: 2e9,
    current: 'home/reports/2026.pdf',
  };

  it('names phase, files, bytes, rate, time left and the current file', () => {
    expect(progressText(progress, 50e6, 200)).toBe(
      'Backing up   1,204 of 2,000 files   512 MB of 2 GB   50 MB/s   30 s left   home/reports/2026.pdf',
    );
  });

  it('leaves out totals and times that are not known', () => {
    expect(progressText({ ...progress, filesTotal: 0, bytesTotal: 0, current: '' }, undefined, 200)).toBe(
      'Backing up   1,204 files   512 MB',
    );
  });

  it('fits every width in one line', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 200 }), fc.string({ unit: 'binary' }), (columns, current) => {
        const text = progressText({ ...progress, current }, 50e6, columns);
        expect(displayWidth(text)).toBeLessThanOrEqual(columns);
        for (const control of ['\n', '\r', '\u001b']) expect(text).not.toContain(control);
      }),
    );
  });

  it('is drawn at most ten times a second, and not at all where nobody sees it', () => {
    const time = { ms: 0 };
    const drawn: string[] = [];
    const line = { columns: 80, showsProgress: true, status: (text: string) => void drawn.push(text) };
    const onProgress = progressOn(line, clockAt(time))!;
    for (; time.ms < 3000; time.ms += 7) onProgress({ ...progress, bytes: time.ms * 1000 });
    expect(drawn.length).toBeLessThanOrEqual(30);
    expect(drawn.at(-1)).toContain('1 MB/s');
    expect(progressOn({ ...line, showsProgress: false }, clockAt(time))).toBeUndefined();
  });
});

describe('paths', () => {
  it('of SNAP:PATH are what stands after the first colon', () => {
    expect(snapshotPath('latest~2:a:b', false)).toEqual({ snapshot: 'latest~2', path: Buffer.from('a:b') });
    expect(snapshotPath('ABCD', false)).toEqual({ snapshot: 'abcd', path: new Uint8Array() });
  });

  it('come back as the bytes they were, whatever those are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        fc.pre(!bytes.includes(0));
        expect(pathBytes(escapePath(bytes), true).equals(bytes)).toBe(true);
      }),
    );
  });

  it('on this computer become absolute without losing a byte', () => {
    expect(localPath('a/../b//c/', false).toString()).toBe(path.resolve('b/c'));
    expect(localPath('/x/\\xe9/./y', true)).toEqual(Buffer.from('/x/\u00e9/y', 'latin1'));
    expect(localPath('back\\slash', false).toString()).toBe(path.resolve('back\\slash'));
    expect(localPath('ü', false).toString()).toBe(path.resolve('ü'));
  });
});

describe('reports', () => {
  it('list problems with what to do, at most twenty', () => {
    const problems = Array.from({ length: 23 }, (_, index) => ({
      path: `wild\u001b[2J-${index}`,
      code: 'EACCES',
      message: 'denied',
    }));
    const text = problemText({ problems, title: '23 problems:', kind: 'backup' });
    expect(text.split('\n')).toHaveLength(1 + 20 + 1 + 1 + 1);
    expect(text).toContain('… and 3 more');
    expect(text.match(/→/g)).toHaveLength(1);
    expect(text).not.toContain('\u001b');
  });

  it('of a restore end with 13 for damage, 3 for other problems, 0 for none', () => {
    const report: RestoreReport = {
      restored: 1,
      unchanged: 2,
      skipped: 0,
      replaced: 0,
      removed: 0,
      bytes: 5,
      conflicts: [],
      problems: [],
    };
    const withCodes = (...codes: string[]) => ({
      ...report,
      problems: codes.map((code) => ({ path: 'a', code, message: 'm' })),
    });
    expect([
      restoreExit(report),
      restoreExit(withCodes('EACCES')),
      restoreExit(withCodes('EACCES', 'integrity/damaged')),
    ]).toEqual([0, 3, 13]);
    expect(restoreText(report, true)).toBe('Would restore 1 item, 5 B\n  unchanged  2 (were there already)\n');
  });

  it('of verify begin with the verdict', () => {
    const checked = { packs: 1, segments: 2, blobs: 3, nodes: 4, snapshots: 1 };
    expect(verifyText({ ok: true, checked, damage: [] }, { kind: 'quick' }, plain)).toMatch(/^No damage found\./);
    const paths = Array.from({ length: 12 }, (_, index) => `file-${index}`);
    const damage = [
      { file: 'packs/ab/abcd', kind: 'pack', message: 'it was changed', snapshots: ['1a2b3c4d5e'], paths },
    ] as const;
    const text = verifyText({ ok: false, checked, damage }, { kind: 'deep' }, plain);
    expect(text).toMatch(/^Damage found in 1 place\./);
    expect(text).toContain('affects 1 snapshot: 1a2b3c4d\n');
    expect(text).toContain('and 2 more');
  });

  it('of a verification say how much was looked at, and what was not', () => {
    const checked = { packs: 3, segments: 9, blobs: 30, nodes: 12, snapshots: 2 };
    const text = (coverage: NonNullable<VerifyReport['coverage']>): string =>
      verifyText({ ok: true, checked, coverage, damage: [] }, { kind: 'deep' }, plain);
    expect(text({ bytes: 5_000_000, bytesTotal: 5_000_000, contents: 0, contentsLeft: 0 })).toBe(
      'No damage found: every byte is as it was written.\n' +
        '  checked 2 snapshots, 3 packs, 9 segments, 30 blobs, 12 nodes\n' +
        '  read all 5 MB of data\n',
    );
    const hashed = text({ bytes: 5_000_000, bytesTotal: 5_000_000, contents: 1, contentsLeft: 2000 });
    expect(hashed).toContain('\n  hashed 1 large file from beginning to end\n');
    expect(hashed).toContain('\n  left 2,000 large files unhashed, which would take too long: ');
    const almost = text({ bytes: 9_999_999, bytesTotal: 10_000_000, contents: 0, contentsLeft: 0 });
    expect(almost).toContain('  read 10 MB of 10 MB of data (99.9 %); of the rest, that it is there with its size\n');
    expect(text({ bytes: 0, bytesTotal: 0, contents: 0, contentsLeft: 0 })).toContain('  read all 0 B of data\n');
  });

  it('of an entry show modes, and where a link leads', () => {
    const entry = { path: 'a', size: 1500, mtime: '2026-01-31T09:05:00.123Z', uid: 0, gid: 0, mode: 0o4755 } as const;
    expect(entryText({ ...entry, type: 'file' })).toMatch(
      /^-rwsr-xr-x {2}0:0 +1\.5 kB {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}a\n$/,
    );
    expect(entryText({ ...entry, type: 'directory', mode: 0o1777 })).toMatch(/^drwxrwxrwt .* a\/\n$/);
    expect(entryText({ ...entry, type: 'symlink', mode: 0o777, target: '\u202eb' })).toMatch(
      /^l.* a → \\xe2\\x80\\xaeb\n$/,
    );
  });

  it('show a time that is none as it is', () => {
    expect(localTime('never')).toBe('never');
  });
});

/** A stream that remembers what was written to it. */
function memoryStream(): NodeJS.WriteStream & { text: string } {
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      memory.text += chunk.toString();
      done();
    },
  });
  const memory = Object.assign(stream, { text: '', isTTY: false, columns: 80 }) as unknown as NodeJS.WriteStream & {
    text: string;
  };
  return memory;
}

describe('a listing as JSON', () => {
  async function* entries(count: number, failAt = Infinity) {
    for (let index = 0; index < count; index++) {
      if (index === failAt) throw new Error('damage');
      yield { path: `a-rather-long-name-${index}` };
    }
  }
  const outputTo = (stdout: NodeJS.WriteStream) =>
    new Output({ stdout, stderr: memoryStream(), environment: {}, json: true });
  const error = { code: 'integrity/damaged', message: 'm', hint: 'h', retry: 'never' } as const;

  it.each([0, 1, 5000])('of %d entries is one array', async (count) => {
    const stdout = memoryStream();
    await outputTo(stdout).list(entries(count), () => '');
    expect(JSON.parse(stdout.text)).toHaveLength(count);
  });

  it('that fails before anything was written is an error document', async () => {
    const stdout = memoryStream();
    const output = outputTo(stdout);
    await expect(output.list(entries(10, 5), () => '')).rejects.toThrow('damage');
    expect([output.hasWritten, output.isListing, stdout.text]).toEqual([false, false, '']);
    await output.fail(error, 'document');
    expect(JSON.parse(stdout.text)).toEqual({ error });
  });

  it('that fails half-way is still one document, with the error as its last element', async () => {
    const stdout = memoryStream();
    const output = outputTo(stdout);
    await expect(output.list(entries(5000, 4000), () => '')).rejects.toThrow('damage');
    expect(output.isListing).toBe(true);
    await output.fail(error, 'array-end');
    const listed = JSON.parse(stdout.text) as unknown[];
    expect(listed).toHaveLength(4001);
    expect(listed.at(-1)).toEqual({ error });
  });
});
