/**
 * Takes each single fsync of the life away, one at a time: for each, some crash must break a promise. Only an fsync of
 * a folder may be missed by nothing, and only where a later one of the same folder makes up for it.
 */
import { mutantLife, originalLife } from '../support/scenario-mutation.ts';
import { ScenarioSource } from '../support/scenario-source.ts';

const source = new ScenarioSource();
let failures = 0;
let madeUpFor = 0;
try {
  const original = await originalLife(source, true);
  const folderOf = (site: string): string | undefined =>
    site.startsWith('file-content') ? undefined : site.split(' ')[1];
  const met = new Map<string, number>();
  for (const [index, site] of original.syncs.entries()) {
    const occurrence = (met.get(site) ?? 0) + 1;
    met.set(site, occurrence);
    let at = 0;
    const { broken, where } = await mutantLife(source, original, () => at++ === index);
    const folder = folderOf(site);
    const isMadeUpFor =
      folder !== undefined && original.syncs.slice(index + 1).some((later) => folderOf(later) === folder);
    const verdict = broken ?? (isMadeUpFor ? 'made up for by a later fsync of the folder' : 'MISSED BY NOTHING');
    console.log(`${site} #${occurrence}: ${verdict}${where === '' ? '' : `: ${where.slice(0, 120)}`}`);
    if (broken === undefined) {
      if (isMadeUpFor) madeUpFor++;
      else failures++;
    }
  }
  console.log(
    `${original.syncs.length} fsyncs, ${madeUpFor} made up for by a later one, ${failures} missed by nothing`,
  );
} finally {
  source.remove();
}
process.exitCode = failures === 0 ? 0 : 1;
