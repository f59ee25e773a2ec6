/** The catalog: a local, disposable cache of what repositories hold, and figures over time. See catalog.ts. */
export { type Catalog, type CatalogOptions, type SearchRequest, type TakeInOptions, openCatalog } from './catalog.ts';
export type { FolderAnswer, PathNames, TakenIn } from './messages.ts';
