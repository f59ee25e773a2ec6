/** The shape of a set's rules, in the configuration and in what a repository keeps of it. */
import * as v from 'valibot';
import type { SetRules } from '../../../src-shared/model/index.ts';

const PATTERNS_MAX = 1000;
const PATTERN_LENGTH_MAX = 256 * 1024;

const patterns = v.pipe(v.array(v.pipe(v.string(), v.maxLength(PATTERN_LENGTH_MAX))), v.maxLength(PATTERNS_MAX));

export const rulesSchema: v.GenericSchema<unknown, SetRules> = v.object({
  excludes: patterns,
  excludeLargerThanBytes: v.nullable(v.pipe(v.number(), v.minValue(0))),
  oneFileSystem: v.boolean(),
  cairnignore: v.boolean(),
  gitignore: v.boolean(),
  excludeCaches: v.boolean(),
  excludeIfPresent: patterns,
});
