/** From folders to a published snapshot. */
export { type LiveReport, backUpChanges, backup } from './backup.ts';
export type { LiveScope } from './live-scope.ts';
export { planBackup, type PlanOptions } from './dry-run.ts';
export { BACKUP_DEFAULTS, type BackupOptions, type FolderNotes } from './options.ts';
