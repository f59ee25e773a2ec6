/** The one catalogue of every word the window shows. Components name a word and never write one. */
import { activity } from './activity.ts';
import { DAMAGE_WORDS } from './damage.ts';
import { destinations, forecastWords, standingWords, volumeWords } from './destinations.ts';
import { ERROR_WORDS } from './errors.ts';
import { CHANGES, compare, search, versions } from './find.ts';
import { integrity, SNAPSHOT_KINDS } from './integrity.ts';
import {
  DEPTHS,
  JOB_RUNNING,
  JOB_TITLES,
  jobHeadline,
  jobs,
  jobTone,
  outcomeDetail,
  outcomeHeadline,
  PHASES,
  RUN_TITLES,
  runWords,
} from './jobs.ts';
import { DAY_STATES, days, dayWords, live, liveWords, pausedWords } from './live.ts';
import { markName, metrics, METRICS } from './metrics.ts';
import { editSet, overview } from './overview.ts';
import { problemWords } from './problems.ts';
import { CONFLICTS, restore, sheet } from './restore.ts';
import { schedule, scheduleWords, TIMINGS, WEEKDAYS } from './schedule.ts';
import { KEY_TYPES, settings } from './settings.ts';
import {
  confirmWords,
  connection,
  DESTINATION_STATES,
  folders,
  keyWords,
  PROBE_WORDS,
  recovery,
  SCREEN_NAMES,
  secrets,
  shell,
} from './shell.ts';
import { namesOf, reasonWords, verdict, verdictHeadline } from './verdict.ts';
import { adopt, welcome } from './welcome.ts';

export const words = {
  activity,
  adopt,
  CHANGES,
  compare,
  search,
  versions,
  conflicts: CONFLICTS,
  damage: DAMAGE_WORDS,
  editSet,
  errors: ERROR_WORDS,
  markName,
  metrics,
  METRICS,
  destinations,
  forecastWords,
  standingWords,
  volumeWords,
  DAY_STATES,
  days,
  dayWords,
  integrity,
  live,
  liveWords,
  pausedWords,
  schedule,
  scheduleWords,
  TIMINGS,
  WEEKDAYS,
  keyTypes: KEY_TYPES,
  namesOf,
  overview,
  problemWords,
  reasonWords,
  restore,
  settings,
  sheet,
  snapshotKinds: SNAPSHOT_KINDS,
  verdict,
  verdictHeadline,
  welcome,
  confirmWords,
  connection,
  DEPTHS,
  DESTINATION_STATES,
  folders,
  JOB_RUNNING,
  JOB_TITLES,
  jobHeadline,
  jobs,
  jobTone,
  keyWords,
  outcomeDetail,
  outcomeHeadline,
  PHASES,
  PROBE_WORDS,
  recovery,
  RUN_TITLES,
  runWords,
  SCREEN_NAMES,
  secrets,
  shell,
} as const;

export type { LiveWords } from './live.ts';
export type { ReasonWords, Tone } from './verdict.ts';
export { count, list, plural } from './count.ts';
export * from './time.ts';
