/** The present, for everything that says “12 min ago”: one clock for the whole window, so that all screens agree. */

const TICK_MS = 20_000;

export class Clock {
  #nowMs = $state(Date.now());
  #timer: number | null = null;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Also after something happened that is newer than the last tick. */
  tick(): void {
    this.#nowMs = Date.now();
  }

  start(): void {
    this.#timer = window.setInterval(() => this.tick(), TICK_MS);
  }

  dispose(): void {
    if (this.#timer !== null) window.clearInterval(this.#timer);
  }
}
