/**
 * How the sources of a set are watched: what the rules leave out need not be, and Cairn's own folders must not be, or a
 * backup would be a change that asks for the next backup. What is dirty stands in a journal, one for each source.
 */
import path from 'node:path';
import * as v from 'valibot';
import { escapePath } from '../../../src-shared/format/index.ts';
import { type After, type Ports, bytesOf } from '../kernel/index.ts';
import { type DirtyJournal, makeLocalFolder, openDirtyJournal, readRecord, writeLocalFile } from '../service/index.ts';
import type { SetRecord } from '../sets/index.ts';
import { type WatchTimes, createFilter, watchSource } from '../source/index.ts';
import type { LiveSetOptions } from './live-set.ts';

/** What a live set is given to watch with. */
export type SourceWatches = Pick<LiveSetOptions, 'watch' | 'journals'> & {
  /** Of the process before: told of, and not backed up. */
  readonly left: readonly Buffer[];
};

/** `repository`: the folder of the destination. */
export type OpenSourceWatch = (record: SetRecord, repository: string) => Promise<SourceWatches>;

export type WatchingOptions = {
  readonly home: string;
  readonly ports: Ports;
  readonly after: After;
  readonly times?: Partial<WatchTimes>;
};

const mountRecord = v.object({ mountPoint: v.nullable(v.string()) });

export function watchingOf(options: WatchingOptions): OpenSourceWatch {
  const { home, ports, after, times } = options;
  return async (record, repository) => {
    const folder = path.join(home, 'watch', record.setId);
    await makeLocalFolder(path.join(home, 'watch'));
    await makeLocalFolder(folder);
    const opened = await Promise.all(
      record.sources.map((_, index) => openDirtyJournal({ file: path.join(folder, `${index}.dirty`), ports, after })),
    );
    const mounts = await Promise.all(record.sources.map((_, index) => mountPointOf(folder, index)));
    return {
      journals: opened.map(journalOf),
      left: opened.flatMap(({ found }) => (found.kind === 'folders' ? found.folders : [])),
      watch: (source, index, { deliver, note, stateChanged }) => {
        const watching = watchSource({
          root: source,
          mountPoint: mounts[index],
          isIgnored: ignoredBy(record, source, [repository, home]),
          folders: 0,
          canary: Buffer.from(path.join(folder, String(index))),
          ...{ ports, after, deliver, note },
          stateChanged: (state) => {
            if (state.kind === 'watching') keepMountPoint(folder, index, watching.mountPoint, ports);
            stateChanged(state);
          },
          ...(times === undefined ? {} : { times }),
        });
        return watching;
      },
    };
  };
}

function journalOf(journal: DirtyJournal): LiveSetOptions['journals'][number] {
  return {
    note: (note) => journal.add(note),
    mark: () => {
      const mark = journal.mark();
      return () => journal.acknowledge(mark);
    },
    close: () => journal.close(),
  };
}

async function mountPointOf(folder: string, index: number): Promise<Buffer | undefined> {
  const found = await readRecord(path.join(folder, `${index}.json`), mountRecord);
  return found === undefined || found.mountPoint === null ? undefined : bytesOf(found.mountPoint);
}

function keepMountPoint(folder: string, index: number, mountPoint: Buffer | undefined, { log }: Ports): void {
  const record = { mountPoint: mountPoint === undefined ? null : escapePath(mountPoint) };
  writeLocalFile(path.join(folder, `${index}.json`), record).catch((error: unknown) =>
    log('warn', 'where a source is mounted could not be noted', { error }),
  );
}

/** Only what can be told by the path alone: ignore files are read by the backup, and cost the watcher nothing but watches. */
function ignoredBy({ rules }: SetRecord, source: Buffer, own: readonly string[]): (folder: Buffer) => boolean {
  const filter = createFilter({ excludes: rules.excludes, excludeFiles: [], excludedRealPaths: [] });
  const ownFolders = own.map((folder) => Buffer.from(folder));
  const folderStat = { nodeType: 'directory', size: 0, device: 0n, inode: 0n } as const;
  return (folder) => {
    if (ownFolders.some((one) => one.equals(folder))) return true;
    const relative = folder.subarray(source.length + 1).toString();
    return relative !== '' && !filter.decide(relative, folderStat).include;
  };
}
