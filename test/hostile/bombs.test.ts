/** What grows when it is opened, envelopes and index runs that lie, and what a newer Cairn would write. */
import { BOMBS } from './groups/bombs.ts';
import { runGroup } from './runner.ts';

runGroup(BOMBS);
