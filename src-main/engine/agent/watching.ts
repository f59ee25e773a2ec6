/**
 * How the sources of a set are watched: what the rules leave out need not be, and Cairn's own folders must not be, or a
 * backup would be a change that asks for the next backup.
 */
import path from 'node:path';
import { bytesOf } from '../desk/index.ts';
import type { Ports } from '../kernel/index.ts';
import { openDirtyJournal } from '../service/index.ts';
import type { SetRecord } from '../sets/index.ts';
import { type After, type WatchTimes, createFilter, watchSource } from '../source/index.ts';
import type { Journal, LiveSetOptions } from './live-set.ts';

/** What a live set is given to watch with. */
export type SourceWatches = {
  readonly watch: LiveSetOptions['watch'];
  readonly journal: Journal;
  /** Of the process before: told of, and not backed up. */
  readonly left: readonly Buffer[];
};

/** `repository`: the folder of the destination. */
export type OpenSourceWatch = (record: SetRecord, repository: string) => SourceWatches;

export type WatchingOptions = {
  readonly home: string;
  readonly ports: Ports;
  readonly after: After;
  readonly times?: Partial<WatchTimes>;
};

/** `openJournal` reads what is left at once: nothing is noted before it has. */
export function watchingOf(options: WatchingOptions): OpenSourceWatch {
  const { home, ports, after, times } = options;
  return (record, repository) => {
    const journal = openDirtyJournal({ file: path.join(home, 'watch', `${record.setId}.dirty`), ports });
    return {
      journal,
      left: journal.left,
      watch: (source, follow) =>
        watchSource({
          root: source,
          isIgnored: ignoredBy(record, source, [repository, home]),
          folders: 0,
          canary: Buffer.from(path.join(home, 'watch', record.setId, sourceName(record, source))),
          ports,
          after,
          ...follow,
          ...(times === undefined ? {} : { times }),
        }),
    };
  };
}

function sourceName({ sources }: SetRecord, source: Buffer): string {
  return String(sources.findIndex((one) => bytesOf(one).equals(source)));
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
