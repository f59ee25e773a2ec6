/** The corpus as a whole: how many cases there are, and that no two make the same claim. */
import { expect, it } from 'vitest';
import { GROUPS } from './groups/index.ts';

const CASES_MIN = 200;

it('has at least 200 cases, each with a name of its own', () => {
  const names = GROUPS.flatMap(({ cases }) => cases.map(({ name }) => name));
  const known = GROUPS.flatMap(({ cases }) => cases.filter(({ defect }) => defect !== undefined)).length;
  const each = GROUPS.map(({ name, cases }) => `${name} ${cases.length}`).join(', ');
  console.log(`hostile corpus: ${names.length} cases (${each}), ${known} of them known defects`);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(CASES_MIN);
});
