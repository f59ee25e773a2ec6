/** Every single operation of a store's life fails in turn, in every way, once and for ever. */
import { describe, expect, it } from 'vitest';

import { isCairnError } from '../../../src-shared/errors.ts';
import { createFaultFileSystem, type Fault, FAULT_KINDS, type FaultKind } from '../../support/fault-filesystem.ts';
import { isMutating, recordFileSystem } from '../../support/intercept-filesystem.ts';
import { MemoryFileSystem } from '../../support/memory-filesystem.ts';
import {
  contentsOf,
  type Contents,
  SCRIPT_ROOT,
  scriptStore,
  type ScriptStep,
  storeScript,
  wrongIn,
} from '../../support/store-script.ts';

type Outcome = { readonly faultCount: number; readonly failed: boolean; readonly wrong?: string };

/** Runs the script with one fault; after the first error the drive heals and a new process goes on from there. */
async function runWith(fault: Fault): Promise<Outcome> {
  const inner = new MemoryFileSystem({ folders: [SCRIPT_ROOT] });
  const drive = createFaultFileSystem(inner, fault);
  let store = scriptStore(drive);
  let contents: Contents = new Map();
  let failed = false;
  const complain = (step: ScriptStep, words: string): Outcome => ({
    faultCount: drive.faultCount,
    failed,
    wrong: `${JSON.stringify(fault)} at ${drive.struck?.kind ?? '?'} ${drive.struck?.path ?? ''}, ${step.title}: ${words}`,
  });
  for (const step of storeScript()) {
    try {
      await step.run(store);
    } catch (error) {
      if (failed) return complain(step, `it fails on a healthy drive: ${String(error)}`);
      failed = true;
      if (drive.faultCount === 0 || !isCairnError(error)) return complain(step, `it throws ${String(error)}`);
      if (error.code.startsWith('integrity/'))
        return complain(step, `a failing drive is called damage: ${error.message}`);
      const wrong = wrongIn(contentsOf(inner), contents, step);
      if (wrong !== undefined) return complain(step, wrong);
      drive.heal();
      store = scriptStore(drive, 2);
      const temporary = await store.listTemporary();
      if (fault.lasts === 'once' && temporary.length > 0) return complain(step, `${temporary[0]?.name ?? ''} is left`);
      await store.removeTemporary({ modifiedBeforeMs: Number.POSITIVE_INFINITY });
      const moved = step.moves !== undefined && !contentsOf(inner).has(step.moves.from);
      if (!moved) await step.run(store);
    }
    contents = step.after(contents);
    const wrong = wrongIn(contentsOf(inner), contents, undefined);
    if (wrong !== undefined) return complain(step, wrong);
  }
  return { faultCount: drive.faultCount, failed };
}

/** For each operation of the undisturbed script, whether a fault of this kind can strike it. */
async function targetsOf(kind: FaultKind): Promise<boolean[]> {
  const { fileSystem, operations } = recordFileSystem(new MemoryFileSystem({ folders: [SCRIPT_ROOT] }));
  const store = scriptStore(fileSystem);
  for (const step of storeScript()) await step.run(store);
  return operations.map((operation) => {
    if (kind === 'short-write' || kind === 'no-write') return operation.kind === 'write';
    return kind === 'ENOSPC' || kind === 'EROFS' ? isMutating(operation) : true;
  });
}

describe('a fault at any operation', () => {
  for (const kind of FAULT_KINDS) {
    for (const lasts of ['once', 'for-ever'] as const) {
      it(`${kind}, ${lasts}: is survived or reported, keeps every file old or new, and the next run goes on`, async () => {
        const targets = await targetsOf(kind);
        const reachable = lasts === 'once' ? targets.filter(Boolean).length : targets.lastIndexOf(true) + 1;
        let struck = 0;
        let failures = 0;
        for (const operation of targets.keys()) {
          const outcome = await runWith({ operation, kind, lasts });
          expect(outcome.wrong).toBeUndefined();
          if (outcome.faultCount > 0) struck++;
          if (outcome.failed) failures++;
        }
        expect(struck).toBe(reachable);
        if (kind === 'short-write' || (kind === 'no-write' && lasts === 'once')) expect(failures).toBe(0);
        else if (lasts === 'for-ever') expect(failures).toBe(struck);
        else expect(failures).toBeGreaterThan(0);
      });
    }
  }
});
