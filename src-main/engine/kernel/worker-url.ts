/** Where the entry of a worker thread lies. */

/**
 * `moduleUrl` is the import.meta.url of whoever starts it: in a checkout the entry stands beside it as TypeScript, in a
 * build it is a file of its own in the folder that the programs are in.
 */
export function workerUrl(moduleUrl: string, name: string): URL {
  if (moduleUrl.endsWith('.ts')) return new URL(`./${name}.ts`, moduleUrl);
  return new URL(moduleUrl.includes('/parts/') ? `../${name}.js` : `./${name}.js`, moduleUrl);
}
