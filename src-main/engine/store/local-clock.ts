/**
 * The clock of a mounted destination, read where it shows: in the time of a file that is written now. On a server that
 * is the server's clock, the same for all computers that work there; on a drive of this computer it is its own.
 */
import { errnoOf } from './filesystem.ts';
import type { LocalRoot } from './local-root.ts';
import { checkName } from './names.ts';
import type { StoreClock } from './store.ts';

const PROBE = Uint8Array.of(0);

/** `temporaryName` gives the name of a temporary file at the root that nothing has yet. */
export function createLocalClock(root: LocalRoot, temporaryName: () => string): StoreClock {
  return {
    nowMs: async () => {
      const name = temporaryName();
      try {
        return await root.held((at) => timeOfNewFile(root, at(name)));
      } catch (error) {
        throw await root.explain('write', name, error);
      }
    },
    modifiedAtMs: async (name) => {
      checkName(name);
      try {
        return (await root.fileSystem.stat(root.pathOf(name))).modifiedAtMs;
      } catch (error) {
        if (errnoOf(error) === 'ENOENT' && (await root.isAbsent(name))) return undefined;
        throw await root.explain('look at', name, error);
      }
    },
  };
}

async function timeOfNewFile({ fileSystem }: LocalRoot, path: string): Promise<number> {
  try {
    const handle = await fileSystem.openWrite(path);
    try {
      await handle.write(PROBE);
    } finally {
      await handle.close();
    }
    return (await fileSystem.stat(path)).modifiedAtMs;
  } finally {
    // Best effort: what stays behind is swept up like any temporary file.
    await fileSystem.unlink(path).catch(() => undefined);
  }
}
