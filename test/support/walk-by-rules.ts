/** Walks a tree by a filter as a backup does, and nothing else: no repository, no workers. */
import type { Problem } from '../../src-shared/errors.ts';
import { canonicalName } from '../../src-main/engine/merkle/index.ts';
import {
  type Decision,
  type Filter,
  type FilterOptions,
  type FolderFilter,
  type SourceFolder,
  closeSourceFolder,
  createFilter,
  listFolder,
  openSourceChild,
  openSourceRoot,
} from '../../src-main/engine/source/index.ts';

export type Walked = {
  readonly kept: string[];
  /** Path → the decision that left it out, only of what lies in kept folders. */
  readonly left: Map<string, Decision>;
  readonly problems: Problem[];
};

/** What is kept and what is left out of a folder, in the order of the walk. */
export function walkByRules(options: FilterOptions, top: string): Walked {
  const filter: Filter = createFilter(options);
  const walked: Walked = { kept: [], left: new Map(), problems: [] };
  const visit = (folder: SourceFolder, relativePath: string, parent: FolderFilter | undefined): void => {
    const listing = listFolder(folder);
    if ('failed' in listing) throw new Error(listing.failed.message);
    const rules = filter.enter(folder, relativePath, listing.entries, parent);
    walked.problems.push(...rules.problems);
    for (const { name, stat } of listing.entries) {
      const { text } = canonicalName(name);
      const below = relativePath === '' ? text : `${relativePath}/${text}`;
      const decision = rules.decide(text, stat);
      if (!decision.include) {
        walked.left.set(below, decision);
        continue;
      }
      walked.kept.push(below);
      if (stat.nodeType !== 'directory' || decision.contents !== undefined) continue;
      const child = openSourceChild(folder, name, stat);
      if ('failed' in child) throw new Error(child.failed.message);
      visit(child, below, rules);
      closeSourceFolder(child);
    }
  };
  const opened = openSourceRoot(Buffer.from(top), false);
  if ('failed' in opened) throw new Error(opened.failed.message);
  visit(opened, '', undefined);
  closeSourceFolder(opened);
  return walked;
}
