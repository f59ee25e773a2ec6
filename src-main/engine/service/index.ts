/** What stands above the flows: the doctor, figures, and what this computer remembers of a repository. */
export { examine } from './doctor.ts';
export { type KnownHeads, loadKnownHeads, rememberHeads } from './known-heads.ts';
export { gatherStats } from './statistics.ts';
export { checkKnownRepository } from './known-repository.ts';
