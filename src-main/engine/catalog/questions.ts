/** A folder in one snapshot, and the versions of one path (see view.ts for what the answers are about). */
import { escapePath, formatTime } from '../../../src-shared/format/index.ts';
import type { CatalogEntry, FileVersion } from '../../../src-shared/model/index.ts';
import { compareBytes, equalBytes, toHex } from '../kernel/index.ts';
import { ENTRY_TYPE } from '../merkle/index.ts';
import type { Facts } from './facts.ts';
import type { FolderAnswer, PathNames } from './messages.ts';
import { Timeline, fileVersion } from './timeline.ts';
import type { Listed, TreeReads } from './tree-reads.ts';
import { type Group, type View, stretchOf } from './view.ts';

/** No folder of a backup is larger; one that claims to be would fill the memory. */
const FOLDER_ENTRIES_MAX = 5_000_000;
const NS_PER_MS = 1_000_000n;

/** The versions of a path, oldest first; none where no snapshot of the view has it. */
export function listVersions(reads: TreeReads, view: View, names: PathNames): readonly FileVersion[] {
  const timeline = new Timeline();
  for (const group of view.groups) {
    const below = namesBelow(group, names);
    // The root itself has a name only where it is one of several.
    if (below === undefined || (below.length === 0 && group.prefix === undefined)) continue;
    const path = follow(reads, group.root, below);
    if (path !== undefined) timeline.add(group, reads.versions(path));
  }
  const shown = names.map(escapePath).join('/');
  return timeline.shown().map((version) => fileVersion(shown, version, view.ids));
}

/** What a path of a view means in a group: the names below its root; undefined where it leads elsewhere. */
function namesBelow({ prefix }: Group, names: PathNames): PathNames | undefined {
  if (prefix === undefined) return names;
  const [first, ...rest] = names;
  return first !== undefined && equalBytes(first, prefix) ? rest : undefined;
}

function follow(reads: TreeReads, from: number, names: PathNames): number | undefined {
  let path: number | undefined = from;
  for (const name of names) {
    path = reads.pathId(path, name);
    if (path === undefined) return undefined;
  }
  return path;
}

/** The entries of a folder in a view of one snapshot, by their raw names; of anything else itself. */
export function listFolder(reads: TreeReads, view: View, names: PathNames): FolderAnswer {
  const [only] = view.groups;
  if (names.length === 0 && only?.prefix !== undefined) return { kind: 'found', entries: listSources(reads, view) };
  const path = names.map(escapePath).join('/');
  for (const group of view.groups) {
    const below = namesBelow(group, names);
    const id = below && follow(reads, group.root, below);
    const facts = id === undefined ? undefined : factsIn(reads, group, id);
    if (id === undefined || facts === undefined) continue;
    if (facts.nodeType !== 'directory') return { kind: 'found', entries: [catalogEntry(path, listed(facts))] };
    const before = path === '' ? '' : `${path}/`;
    const children = reads.childrenAt(id, group.numbers[0] ?? 0, FOLDER_ENTRIES_MAX);
    return {
      kind: 'found',
      entries: children.map((child) => catalogEntry(before + escapePath(child.name), child)),
    };
  }
  return { kind: 'absent' };
}

function listSources(reads: TreeReads, { groups }: View): readonly CatalogEntry[] {
  const named = groups.flatMap(({ prefix, ...group }) => (prefix === undefined ? [] : [{ ...group, prefix }]));
  return named
    .toSorted((left, right) => compareBytes(left.prefix, right.prefix))
    .flatMap((group) => {
      const facts = factsIn(reads, group, group.root);
      return facts === undefined ? [] : [catalogEntry(escapePath(group.prefix), listed(facts))];
    });
}

/** What a path is in the only snapshot of the view. */
function factsIn(reads: TreeReads, group: Group, path: number): Facts | undefined {
  return reads.versions(path).find((version) => {
    const { from, to } = stretchOf(group, version);
    return from < to;
  })?.facts;
}

function catalogEntry(path: string, { nodeType, size, mtimeMs, mode, content, entries }: Omit<Listed, 'name'>) {
  const entry: CatalogEntry = { path, type: ENTRY_TYPE[nodeType], size, mtime: formatTime(mtimeMs), mode };
  if (typeof content === 'string') return { ...entry, contentHash: content };
  if (nodeType === 'symlink') return { ...entry, target: escapePath(content ?? new Uint8Array(0)) };
  return entries === undefined ? entry : { ...entry, entries };
}

function listed({ mtimeNs, content, ...facts }: Facts): Omit<Listed, 'name'> {
  const asHex = facts.nodeType === 'file' ? toHex(content ?? new Uint8Array(0)) : content;
  return { ...facts, mtimeMs: floorMs(mtimeNs), content: asHex };
}

function floorMs(timeNs: bigint): number {
  const rest = ((timeNs % NS_PER_MS) + NS_PER_MS) % NS_PER_MS;
  return Number((timeNs - rest) / NS_PER_MS);
}
