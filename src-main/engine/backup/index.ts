export { backup } from './backup.ts';
export { BACKUP_DEFAULTS, type BackupOptions } from './options.ts';
