/** The one catalogue of every word the window shows. Components name a word and never write one. */
import { activity } from './activity.ts';
import { DAMAGE_WORDS } from './damage.ts';
import { ERROR_WORDS } from './errors.ts';
import { integrity, SNAPSHOT_KINDS } from './integrity.ts';
import * as jobWords from './jobs.ts';
import { editSet, overview } from './overview.ts';
import { problemWords } from './problems.ts';
import { CONFLICTS, done, restore, sheet } from './restore.ts';
import { KEY_TYPES, settings } from './settings.ts';
import * as shellWords from './shell.ts';
import { namesOf, reasonWords, verdict, verdictHeadline } from './verdict.ts';
import { adopt, PLACE_KINDS, welcome } from './welcome.ts';

export const words = {
  activity,
  adopt,
  conflicts: CONFLICTS,
  damage: DAMAGE_WORDS,
  done,
  editSet,
  errors: ERROR_WORDS,
  integrity,
  keyTypes: KEY_TYPES,
  namesOf,
  overview,
  placeKinds: PLACE_KINDS,
  problemWords,
  reasonWords,
  restore,
  settings,
  sheet,
  snapshotKinds: SNAPSHOT_KINDS,
  verdict,
  verdictHeadline,
  welcome,
  ...jobWords,
  ...shellWords,
} as const;

export type { ErrorAction, ErrorWords } from './errors.ts';
export type { ReasonAction, ReasonWords, Tone } from './verdict.ts';
export { count, list, plural, pluralOrNo } from './count.ts';
export * from './time.ts';
