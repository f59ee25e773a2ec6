/** `cairn set run` with drives that are really mounted: somewhere else than before, twice, and too small. */
import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mountNamespace, skipLoudly } from '../support/mount-namespace.ts';
import { FAST_KDF, PROGRAM, Place, ended, errorDocument } from './cairn.ts';

// Many processes: a busy computer takes its time.
vi.setConfig({ testTimeout: 240_000 });

const namespace = mountNamespace();
const noMounts = skipLoudly(namespace !== undefined, 'mounts are not allowed here, so no drive is plugged in for real');
/** What the scripts end with where no filesystem can be mounted from a file. */
const NO_LOOP = 77;

let place: Place;
beforeEach(() => {
  place = new Place();
  for (const name of ['blue', 'elsewhere', 'second']) mkdirSync(place.path(name));
});
afterEach(() => place.dispose());

/** Runs a shell script in which `cairn` is the command line, with mounts that vanish when it ends. */
function inNamespace(script: string): ReturnType<typeof ended> {
  const [program = '', ...args] = namespace ?? [];
  const head = `set -e
    cairn() { "$NODE" "$PROGRAM" "$@"; }
    format() { truncate -s 64m "$1" && mkfs.ext4 -q "$1" && mount -o loop "$1" blue || exit ${NO_LOOP}; }
    add() { cairn init ${FAST_KDF.join(' ')} --no-encryption --json >&2; cairn set add --source "$SOURCE" --name Laptop --json >&2; }`;
  const environment = {
    NODE: process.execPath,
    PROGRAM,
    SOURCE: place.source,
    CAIRN_REPO: place.path('blue/Cairn'),
  };
  return ended(place.startProgram(program, [...args, 'sh', '-c', `${head}\n${script}`], { environment }));
}

describe.skipIf(noMounts)('cairn set run', () => {
  it('finds its drive where that is mounted now, and writes nothing where it was before', async () => {
    place.write('letter', 'Dear Ada,');
    const result = await inNamespace(`
      format drive.img
      add
      umount blue
      mount -o loop drive.img elsewhere
      cairn set run laptop --json
      test -z "$(ls -A blue)"
      test "$(cairn --repo elsewhere/Cairn cat latest:letter)" = "Dear Ada,"`);
    if (skipLoudly(result.status !== NO_LOOP, 'no filesystem can be mounted from a file here')) return;
    expect(result).toMatchObject({ status: 0 });
    expect(JSON.parse(result.text)).toMatchObject({ filesNew: 1, problems: [] });
  });

  it('writes to neither of a drive and its clone', async () => {
    place.write('letter', 'Dear Ada,');
    const result = await inNamespace(`
      format drive.img
      add
      umount blue
      cp drive.img clone.img
      mount -o loop drive.img elsewhere
      mount -o loop clone.img second
      cairn set run laptop --json`);
    if (skipLoudly(result.status !== NO_LOOP, 'no filesystem can be mounted from a file here')) return;
    expect(result.status).toBe(1);
    const { code, message } = errorDocument(result);
    expect([code, message]).toEqual(['repository/wrong-identity', expect.stringContaining('connected more than once')]);
  });

  it('refuses a first backup that can’t fit before it writes anything', async () => {
    place.write('film', Buffer.alloc(300_000_000));
    const result = await inNamespace(`
      mount -t tmpfs -o size=16m tmpfs blue
      add
      find blue | sort > before
      cairn set run laptop --json || status=$?
      find blue | sort | diff before - >&2 || exit 99
      exit $status`);
    expect(result.status).toBe(1);
    const { code, message } = errorDocument(result);
    expect([code, message]).toEqual([
      'destination/full',
      expect.stringMatching(/ free\. The folders hold 300 MB and take at least 15 MB/),
    ]);
  });
});
