/** Places to restore into that lead elsewhere or change under the restore. */
import { TARGETS } from './groups/targets.ts';
import { runGroup } from './runner.ts';

runGroup(TARGETS);
