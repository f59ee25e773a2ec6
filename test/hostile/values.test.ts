/** Values and records that no encoder writes. */
import { VALUES } from './groups/values.ts';
import { runGroup } from './runner.ts';

runGroup(VALUES);
