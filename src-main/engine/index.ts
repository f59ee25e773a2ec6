/** The only door of the engine: openEngine(options) gives everything a host may do. */
export type * from './api.ts';
export { type Catalog, openCatalog } from './catalog/index.ts';
export { openEngine } from './engine.ts';
export { systemClock } from './kernel/index.ts';
