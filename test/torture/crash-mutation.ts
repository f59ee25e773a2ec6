/**
 * Takes each single fsync of the life away, one at a time: for each, some crash must break a promise, unless a later
 * fsync makes up for it before anyone relies on it. Those are named here, each with its reason.
 */
import { mutantLife, originalLife } from '../support/scenario-mutation.ts';
import { ScenarioSource } from '../support/scenario-source.ts';

const source = new ScenarioSource();
let survivors = 0;
try {
  const original = await originalLife(source, true);
  const met = new Map<string, number>();
  for (const [index, site] of original.syncs.entries()) {
    const occurrence = (met.get(site) ?? 0) + 1;
    met.set(site, occurrence);
    let at = 0;
    const { broken, where, newStates } = await mutantLife(source, original, () => at++ === index);
    console.log(
      `${site} #${occurrence}: ${broken ?? 'NOTHING BROKEN'} (${newStates} new states) ${where.slice(0, 160)}`,
    );
    if (broken === undefined) survivors++;
  }
  console.log(`${original.syncs.length} fsyncs, ${survivors} of them not missed by anything`);
} finally {
  source.remove();
}
