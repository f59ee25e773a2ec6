/** The whole corpus, group by group. */
import type { CaseGroup } from '../case.ts';
import { BOMBS } from './bombs.ts';
import { CONTAINERS } from './containers.ts';
import { KEYS } from './keys.ts';
import { NAMES } from './names.ts';
import { PAGES } from './pages.ts';
import { SOURCES } from './sources.ts';
import { TARGETS } from './targets.ts';
import { VALUES } from './values.ts';

export const GROUPS: readonly CaseGroup[] = [NAMES, PAGES, CONTAINERS, BOMBS, VALUES, KEYS, TARGETS, SOURCES];
