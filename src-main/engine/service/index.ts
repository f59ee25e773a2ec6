/** What stands above the flows: the doctor, figures, who this process is, and what this computer remembers. */
export {
  type DirtyJournal,
  type JournalMark,
  type JournalOptions,
  type Unfinished,
  openDirtyJournal,
} from './dirty-journal.ts';
export { examine } from './doctor.ts';
export { FolderMemory } from './folder-memory.ts';
export { type KnownHead, loadKnownHeads, rememberHeads } from './known-heads.ts';
export { FIGURE, type FigureName, type FigureSink, figuresOfWeek, noted } from './figures.ts';
export { gatherStats } from './statistics.ts';
export { checkKnownRepository } from './known-repository.ts';
export {
  localErrno,
  localStateError,
  makeLocalFolder,
  syncFolder,
  writeLocalFile,
  writeLocalText,
} from './local-file.ts';
export { processIdentity } from './process-identity.ts';
export { type Migration, StateFile, readRecord } from './state-file.ts';
export { sweepTemporaries } from './temporaries.ts';
export { listUndoable, undo, undoably } from './undo.ts';
export { type WriterClaim, WRITER_IDS_MAX, claimWriter } from './writer-claim.ts';
