/**
 * A store that looks where it is before it begins, names, moves or removes a file; a file is begun in the very folder that
 * was looked at (PlaceCheck). Every writer works through one, so no path of the code can forget to look: a drive that was
 * unplugged or swapped under a running backup, also for one that the system gives the same device number, ends the run
 * and is left as it is.
 *
 * Bytes that are appended to a file already begun go where that file is; they need no look.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import type { Store, StoreClock, StoreWriter } from '../store/index.ts';

/** What a drive that is another one looks like from inside: its files are not found, or are not what they were. */
const DOUBTFUL = ['destination/io', 'integrity/missing', 'integrity/damaged'] as const;

export type Place = Pick<Store, 'read' | 'description'>;

/** `assertPlace` throws where it is not the right one: destination/gone, repository/wrong-identity. */
export function guardedStore(inner: Store, assertPlace: (place: Place) => Promise<void>): Store {
  const { description, clock, temporaryTag } = inner;
  const look: Look = (place = inner) => assertPlace({ description, read: (...all) => place.read(...all) });
  const guard: Guard = { look, guarded: (step) => guarded(look, step) };
  return {
    description,
    ...(clock === undefined ? {} : { clock: guardedClock(clock, guard) }),
    ...(temporaryTag === undefined ? {} : { temporaryTag }),
    ...(inner.removeTemporaryOf === undefined
      ? {}
      : { removeTemporaryOf: (tags) => guard.guarded(async () => inner.removeTemporaryOf?.(tags)) }),
    ...(inner.listFolders === undefined
      ? {}
      : { listFolders: (folder) => inner.listFolders?.(folder) ?? Promise.resolve([]) }),
    create: async (folder, check) => {
      const both = async (place: Pick<Store, 'read'>): Promise<void> => {
        await look(place);
        await check?.(place);
      };
      return guardedWriter(await named(look, () => inner.create(folder, both)), guard);
    },
    read: (name, range, options) => inner.read(name, range, options),
    stat: (name) => inner.stat(name),
    list: (folder) => inner.list(folder),
    listNames: (folder) => inner.listNames(folder),
    move: (from, to) => guard.guarded(() => inner.move(from, to)),
    remove: (names, options) => guard.guarded(() => inner.remove(names, options)),
  };
}

type Look = (place?: Pick<Store, 'read'>) => Promise<void>;
type Guard = { readonly look: Look; readonly guarded: <Value>(step: () => Promise<Value>) => Promise<Value> };

async function guarded<Value>(look: Look, step: () => Promise<Value>): Promise<Value> {
  await look();
  return named(look, step);
}

/** A step that fails because the drive was swapped under it says so, and not that something is damaged. */
async function named<Value>(look: Look, step: () => Promise<Value>): Promise<Value> {
  try {
    return await step();
  } catch (error) {
    if (isCairnError(error, ...DOUBTFUL)) await look();
    throw error;
  }
}

/** Asking a folder for the time writes a file into it for a moment. */
function guardedClock(inner: StoreClock, { guarded }: Guard): StoreClock {
  return { nowMs: () => guarded(() => inner.nowMs()), modifiedAtMs: (name) => inner.modifiedAtMs(name) };
}

function guardedWriter(inner: StoreWriter, { look, guarded }: Guard): StoreWriter {
  return {
    get sizeBytes() {
      return inner.sizeBytes;
    },
    append: (bytes) => named(look, () => inner.append(bytes)),
    finish: (name, options) => guarded(() => inner.finish(name, options)),
    abort: () => inner.abort(),
  };
}
