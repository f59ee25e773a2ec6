/** The readonly records that the engine hands out and the command line and the app show. Plain data, safe to send. */
export type * from './app.ts';
export type * from './catalog.ts';
export type * from './history.ts';
export type * from './live.ts';
export type * from './metrics.ts';
export type * from './report.ts';
export type * from './rules.ts';
export type * from './schedule.ts';
export type * from './settings.ts';
export type * from './snapshot.ts';
export type * from './stored-set.ts';
export type * from './tree.ts';
