import { describe, expect, it } from 'vitest';
import { type After, afterDelay } from '../../../src-main/engine/kernel/index.ts';
import { ALARM_STEP_MS_MAX, armAlarm } from '../../../src-main/engine/schedule/index.ts';

const DAY_MS = 86_400_000;

/** Timers as a system has them: none longer than 2^31 − 1, and they stand still while the computer sleeps. */
class Computer {
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  looks = 0;
  #timer: { remainingMs: number; action: () => void } | undefined;

  readonly clock = { nowMs: () => this.nowMs, monotonicMs: () => 0 };
  readonly after: After = (delayMs, action) => {
    expect(delayMs).toBeLessThan(2 ** 31);
    expect(this.#timer).toBeUndefined();
    const timer = { remainingMs: delayMs, action };
    this.#timer = timer;
    return () => {
      if (this.#timer === timer) this.#timer = undefined;
    };
  };

  get isArmed(): boolean {
    return this.#timer !== undefined;
  }

  awake(forMs: number): void {
    for (let leftMs = forMs; this.#timer !== undefined;) {
      const { remainingMs, action } = this.#timer;
      if (remainingMs > leftMs) {
        this.#timer.remainingMs -= leftMs;
        this.nowMs += leftMs;
        return;
      }
      leftMs -= remainingMs;
      this.nowMs += remainingMs;
      this.#timer = undefined;
      this.looks++;
      action();
    }
  }
}

describe('an alarm', () => {
  it('rings at its time, once, also when that is further away than a timer can be', () => {
    const computer = new Computer();
    const rung: number[] = [];
    const atMs = computer.nowMs + 60 * DAY_MS + 12_345;
    armAlarm(computer, atMs, () => rung.push(computer.nowMs));
    computer.awake(60 * DAY_MS);
    expect(rung).toEqual([]);
    computer.awake(DAY_MS);
    expect(rung).toEqual([atMs]);
    expect(computer.isArmed).toBe(false);
  });

  it('rings soon after the computer wakes, however long it slept', () => {
    const computer = new Computer();
    const rung: number[] = [];
    armAlarm(computer, computer.nowMs + DAY_MS, () => rung.push(computer.nowMs));
    computer.awake(3_600_000);
    computer.nowMs += 3 * DAY_MS;
    const wokeMs = computer.nowMs;
    computer.awake(DAY_MS);
    expect(rung).toHaveLength(1);
    expect(rung[0]! - wokeMs).toBeLessThanOrEqual(ALARM_STEP_MS_MAX);
  });

  it('follows a clock that is set forward or back', () => {
    const computer = new Computer();
    const rung: number[] = [];
    const atMs = computer.nowMs + DAY_MS;
    armAlarm(computer, atMs, () => rung.push(computer.nowMs));
    computer.nowMs = 0;
    computer.awake(DAY_MS);
    expect(rung).toEqual([]);
    computer.nowMs = atMs + 1;
    computer.awake(DAY_MS);
    expect(rung).toHaveLength(1);
  });

  it('that is ended does not ring', () => {
    const computer = new Computer();
    const end = armAlarm(computer, computer.nowMs + DAY_MS, () => expect.unreachable());
    computer.awake(3_600_000);
    end();
    computer.awake(2 * DAY_MS);
    expect(computer.isArmed).toBe(false);
  });

  it('for a time that has passed rings in a turn of its own', async () => {
    await new Promise<void>((resolve) => {
      let isArmed = false;
      armAlarm({ clock: { nowMs: () => 5, monotonicMs: () => 0 }, after: afterDelay }, 4, () => {
        expect(isArmed).toBe(true);
        resolve();
      });
      isArmed = true;
      // afterDelay lets the process end; the test has to wait.
      setTimeout(() => undefined, 1000);
    });
  });
});
