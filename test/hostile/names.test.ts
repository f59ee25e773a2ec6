/** Names and paths that want to be somewhere else. */
import { NAMES } from './groups/names.ts';
import { runGroup } from './runner.ts';

runGroup(NAMES);
