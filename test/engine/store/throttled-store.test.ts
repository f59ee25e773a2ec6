import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src-main/engine/kernel/index.ts';
import { createMemoryStore, createWriteThrottle, writeWhole } from '../../../src-main/engine/store/index.ts';
import { describeStore } from '../../support/store-contract.ts';

/** A clock that waiting moves. */
function waitingClock(): Clock & { readonly wait: (ms: number) => Promise<void>; waitedMs: number } {
  const clock = {
    waitedMs: 0,
    nowMs: () => clock.waitedMs,
    monotonicMs: () => clock.waitedMs,
    wait: (ms: number) => {
      clock.waitedMs += ms;
      return Promise.resolve();
    },
  };
  return clock;
}

describeStore('a throttled store', () => {
  const clock = waitingClock();
  const throttle = createWriteThrottle({ clock, wait: clock.wait });
  throttle.limitTo({ bytesPerSecondMax: 1_000_000 });
  return Promise.resolve({ store: throttle.wrap(createMemoryStore()) });
});

describe('a throttled store', () => {
  it('without a limit never waits', async () => {
    const clock = waitingClock();
    const store = createWriteThrottle({ clock, wait: clock.wait }).wrap(createMemoryStore());
    await writeWhole(store, 'a', new Uint8Array(10_000_000));
    expect(clock.waitedMs).toBe(0);
  });

  it('takes as long for its bytes as the limit says, but for the first quarter of a second', async () => {
    const clock = waitingClock();
    const throttle = createWriteThrottle({ clock, wait: clock.wait });
    const store = throttle.wrap(createMemoryStore());
    throttle.limitTo({ bytesPerSecondMax: 1000 });
    const writer = await store.create('');
    for (let piece = 0; piece < 100; piece++) await writer.append(new Uint8Array(100));
    await writer.finish('a');
    expect(clock.waitedMs).toBeGreaterThanOrEqual(9750);
    expect(clock.waitedMs).toBeLessThan(9850);
  });

  it('lets one piece be larger than the limit, and makes the next writer wait for it', async () => {
    const clock = waitingClock();
    const throttle = createWriteThrottle({ clock, wait: clock.wait });
    throttle.limitTo({ bytesPerSecondMax: 1000 });
    await writeWhole(throttle.wrap(createMemoryStore()), 'a', new Uint8Array(5000));
    expect(clock.waitedMs).toBeGreaterThanOrEqual(4750);
    await writeWhole(throttle.wrap(createMemoryStore()), 'b', new Uint8Array(5000));
    expect(clock.waitedMs).toBeGreaterThanOrEqual(9750);
  });

  it('does not save up what was not written in a long pause', async () => {
    const clock = waitingClock();
    const throttle = createWriteThrottle({ clock, wait: clock.wait });
    throttle.limitTo({ bytesPerSecondMax: 1000 });
    await clock.wait(3_600_000);
    await writeWhole(throttle.wrap(createMemoryStore()), 'a', new Uint8Array(5000));
    expect(clock.waitedMs).toBeGreaterThanOrEqual(3_604_750);
  });

  it('stops waiting when the limit is taken away, or the signal says that it is over', async () => {
    const abort = new AbortController();
    const clock = waitingClock();
    const throttle = createWriteThrottle({
      clock,
      wait: (ms) => {
        if (clock.waitedMs > 1000) abort.abort();
        return clock.wait(ms);
      },
    });
    throttle.limitTo({ bytesPerSecondMax: 10, signal: abort.signal });
    await writeWhole(throttle.wrap(createMemoryStore()), 'a', new Uint8Array(5000));
    expect(clock.waitedMs).toBeLessThan(2000);
    throttle.limitTo(undefined);
    await writeWhole(throttle.wrap(createMemoryStore()), 'b', new Uint8Array(5_000_000));
    expect(clock.waitedMs).toBeLessThan(2000);
  });
});
