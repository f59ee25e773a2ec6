/** Sources that change into something else, and names that drive a terminal. */
import { SOURCES } from './groups/sources.ts';
import { runGroup } from './runner.ts';

runGroup(SOURCES);
