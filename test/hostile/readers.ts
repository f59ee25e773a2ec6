/** One reader alone, for trees on which several would each go on for ever. */
import { mkdirSync } from 'node:fs';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { type CaseRoom, fail } from './case.ts';
import { type Outcome, type Probe, readOne } from './probe.ts';

const STOPPED: readonly Outcome[] = [
  'limit/exceeded',
  'integrity/malformed',
  'integrity/damaged',
  'problems',
  'damage',
];

/** Runs one reader on the newest snapshot; it has to stop with an error or a report of damage. */
export async function readAlone(
  repository: Repository,
  room: CaseRoom,
  reader: keyof Probe,
  expected: readonly Outcome[] = STOPPED,
): Promise<void> {
  mkdirSync(room.path('target'), { recursive: true });
  const outcome = await room.attack(() => readOne(repository, room, reader));
  if (!expected.includes(outcome)) fail(`${reader}: ${outcome} instead of ${expected.join(' or ')}`);
}
