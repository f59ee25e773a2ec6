/** Pages that lie about themselves and about each other. */
import { PAGES } from './groups/pages.ts';
import { runGroup } from './runner.ts';

runGroup(PAGES);
