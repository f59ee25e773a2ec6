/** From folders to a published snapshot. */
export { backup } from './backup.ts';
export { planBackup, type PlanOptions } from './dry-run.ts';
export { BACKUP_DEFAULTS, type BackupOptions } from './options.ts';
