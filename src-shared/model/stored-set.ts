/**
 * A backup set as it is kept in its repository, so that a new computer can go on with it. No password, no command and no
 * address is in it: what somebody else may have written there must not run anything here.
 */
import type { SetRules } from './app.ts';
import type { Schedule } from './schedule.ts';

export type StoredSet = {
  readonly setId: string;
  readonly name: string;
  /** The computer it was made on, and the home folder of its person there, escaped. */
  readonly host: string;
  readonly userHome: string;
  /** Absolute paths on that computer, escaped. */
  readonly sources: readonly string[];
  readonly rules: SetRules;
  readonly schedule: Schedule;
  readonly createdAt: string;
};
