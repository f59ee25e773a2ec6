/** The supervisor, with a clock that a test turns. */
import { describe, expect, it } from 'vitest';

import {
  DELAY_MS_MAX,
  FIRST_DELAY_MS,
  PROVEN_AFTER_MS,
  READY_WITHIN_MS,
  STOP_WITHIN_MS,
  Supervisor,
  restartDelayMs,
} from '../../src-main/app/policy/supervisor.ts';

/** Timers in order of their time; work that they start may set more of them. */
class TestTimers {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly work: () => void }>();

  readonly nowMs = (): number => this.#nowMs;

  readonly after = (milliseconds: number, work: () => void): (() => void) => {
    const timer = { atMs: this.#nowMs + milliseconds, work };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  pass(milliseconds: number): void {
    const untilMs = this.#nowMs + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.work();
    }
    this.#nowMs = untilMs;
  }

  get waiting(): number {
    return this.#timers.size;
  }
}

type Started = {
  readonly becomesReady: () => void;
  readonly refuses: (reason: Error) => void;
  readonly exits: (status: number) => void;
  readonly stop: () => void;
  readonly kill: () => void;
  asked: string[];
};

function makeSupervisor() {
  const timers = new TestTimers();
  const started: Started[] = [];
  const crashes: unknown[] = [];
  const supervisor = new Supervisor<Started>({
    timers,
    onCrash: (crash) => crashes.push(crash),
    start: ({ onReady, onRefused, onExit }) => {
      const child: Started = {
        asked: [],
        becomesReady: onReady,
        refuses: onRefused,
        exits: onExit,
        stop: () => child.asked.push('stop'),
        kill: () => {
          child.asked.push('kill');
          onExit(137);
        },
      };
      started.push(child);
      return child;
    },
  });
  return { supervisor, timers, started, crashes, newest: () => started.at(-1)! };
}

describe('the supervisor', () => {
  it('gives the engine to whoever waits for it once it answers, and not before', async () => {
    const { supervisor, newest } = makeSupervisor();
    supervisor.start();
    const waiting = supervisor.running(1000);
    expect(supervisor.current()).toBeUndefined();
    newest().becomesReady();
    expect(await waiting).toBe(newest());
    expect(await supervisor.running(1000)).toBe(newest());
  });

  it('starts an engine that crashed again, at once after the first crash and later after each further one', () => {
    const { supervisor, timers, started, crashes, newest } = makeSupervisor();
    supervisor.start();
    newest().becomesReady();
    newest().exits(1);
    timers.pass(0);
    expect(started).toHaveLength(2);
    newest().exits(1);
    timers.pass(FIRST_DELAY_MS - 1);
    expect(started).toHaveLength(2);
    timers.pass(1);
    expect(started).toHaveLength(3);
    expect(crashes).toEqual([
      { exitStatus: 1, inARow: 1 },
      { exitStatus: 1, inARow: 2 },
    ]);
  });

  it('never gives up, and never waits longer than half a minute', () => {
    expect(restartDelayMs(1)).toBe(0);
    expect(restartDelayMs(3)).toBe(2 * FIRST_DELAY_MS);
    expect(restartDelayMs(1000)).toBe(DELAY_MS_MAX);
    const { supervisor, timers, started, newest } = makeSupervisor();
    supervisor.start();
    for (let crash = 0; crash < 50; crash++) {
      newest().exits(70);
      timers.pass(DELAY_MS_MAX);
    }
    expect(started).toHaveLength(51);
  });

  it('counts from the beginning after an engine that worked for a while', () => {
    const { supervisor, timers, crashes, newest } = makeSupervisor();
    supervisor.start();
    newest().exits(1);
    timers.pass(0);
    newest().becomesReady();
    timers.pass(PROVEN_AFTER_MS);
    newest().exits(1);
    expect(crashes.at(-1)).toEqual({ exitStatus: 1, inARow: 1 });
  });

  it('kills an engine that says nothing, and starts another', () => {
    const { supervisor, timers, started } = makeSupervisor();
    supervisor.start();
    timers.pass(READY_WITHIN_MS);
    timers.pass(0);
    expect(started[0]?.asked).toEqual(['kill']);
    expect(started).toHaveLength(2);
  });

  it('tells whoever waited too long, and leaves no timer behind where nobody did', async () => {
    const { supervisor, timers, newest } = makeSupervisor();
    supervisor.start();
    const tooLong = supervisor.running(10);
    timers.pass(11);
    await expect(tooLong).rejects.toThrow('does not start');
    const inTime = supervisor.running(1000);
    newest().becomesReady();
    await inTime;
    expect(timers.waiting).toBe(0);
  });

  it('asks the engine to end, waits for it, and starts none again', async () => {
    const { supervisor, timers, started, crashes, newest } = makeSupervisor();
    supervisor.start();
    newest().becomesReady();
    const stopped = supervisor.stop();
    expect(newest().asked).toEqual(['stop']);
    newest().exits(0);
    await stopped;
    timers.pass(DELAY_MS_MAX);
    supervisor.start();
    expect(started).toHaveLength(1);
    expect(crashes).toEqual([]);
    await expect(supervisor.running(1)).rejects.toThrow('being closed');
  });

  it('kills an engine that does not end when asked', async () => {
    const { supervisor, timers, newest } = makeSupervisor();
    supervisor.start();
    const waiting = supervisor.running(DELAY_MS_MAX);
    const stopped = supervisor.stop();
    await expect(waiting).rejects.toThrow('being closed');
    timers.pass(STOP_WITHIN_MS);
    await stopped;
    expect(newest().asked).toEqual(['stop', 'kill']);
  });

  it('never starts an engine again by itself that said why it can’t start', async () => {
    const { supervisor, timers, started, crashes, newest } = makeSupervisor();
    supervisor.start();
    const waiting = supervisor.running(1000);
    newest().refuses(new Error('another one is at work'));
    await expect(waiting).rejects.toThrow('another one is at work');
    expect(newest().asked).toEqual(['kill']);
    timers.pass(24 * 3600 * 1000);
    expect(started).toHaveLength(1);
    expect(crashes).toEqual([]);
    expect(timers.waiting).toBe(0);
  });

  it('tries one that could not start once more for each time it is asked for', async () => {
    const { supervisor, started, newest } = makeSupervisor();
    supervisor.start();
    newest().refuses(new Error('another one is at work'));
    const second = supervisor.running(1000);
    expect(started).toHaveLength(2);
    newest().refuses(new Error('still at work'));
    await expect(second).rejects.toThrow('still at work');
    const [third, fourth] = [supervisor.running(1000), supervisor.running(1000)];
    expect(started).toHaveLength(3);
    newest().becomesReady();
    expect([await third, await fourth]).toEqual([newest(), newest()]);
  });

  it('ends while an engine is in the way of its own, and starts none again', async () => {
    const { supervisor, timers, started, newest } = makeSupervisor();
    supervisor.start();
    newest().refuses(new Error('another one is at work'));
    await supervisor.stop();
    await expect(supervisor.running(1)).rejects.toThrow('being closed');
    timers.pass(DELAY_MS_MAX);
    expect(started).toHaveLength(1);
  });

  it('ends at once while no engine runs', async () => {
    const { supervisor, timers, started, newest } = makeSupervisor();
    supervisor.start();
    newest().exits(1);
    await supervisor.stop();
    timers.pass(DELAY_MS_MAX);
    expect(started).toHaveLength(1);
  });
});
