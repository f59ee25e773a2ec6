/** What the app does with an engine: backup sets, destinations, jobs, runs, folders of this computer. */
export { type Desk, openDesk } from './desk.ts';
export { integrityStatus } from './integrity.ts';
export { wireErrorOf } from './jobs.ts';
export { readLog } from './log-reader.ts';
export { bytesOf } from '../kernel/index.ts';
export { type DeskOptions, type Every, type Keychain, everyInterval } from './ports.ts';
export { previewOf } from './preview.ts';
