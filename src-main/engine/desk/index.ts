/** What the app does with an engine: backup sets, destinations, jobs, runs, folders of this computer. */
export { CatalogKeeper } from './catalog-keeper.ts';
export { type Desk, openDesk } from './desk.ts';
export type { Currency } from './overview.ts';
export { destinationRecordAt, distinctSources, nameOfSources, newSetRecord } from './set-making.ts';
export { placeOfDestination } from './destination-place.ts';
export { figuresOver } from './figures.ts';
export { searchIn, versionsOf } from './history.ts';
export { startMonitor } from './monitor.ts';
export { integrityStatus } from './integrity.ts';
export { wireErrorOf } from './jobs.ts';
export { readLog } from './log-reader.ts';
export { type DeskOptions, type Every, type Keychain, everyInterval } from './ports.ts';
export { planRules } from './measure.ts';
export { previewOf } from './preview.ts';
export { refuseTooSmall } from './room.ts';
