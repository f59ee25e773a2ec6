/** Bringing data back: the only room that writes into a person's folders. */
export {
  RESTORE_DEFAULTS,
  RESTORE_TUNING,
  type OverwriteMode,
  type RestoreOptions,
  type RestoreTuning,
} from './options.ts';
export { restore } from './restore.ts';
export { type UndoRequest, undoRestore } from './undo.ts';
export { holdsChanges } from './undo-journal.ts';
export type { UndoOptions } from './undo-recorder.ts';
export { type Target, type TargetFolder, type TargetOptions, openTarget } from './target.ts';
