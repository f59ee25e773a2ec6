/** Says whether something that failed may be tried again: a few times in a short while, then no more. */

const RESTARTS_MAX = 3;
const WITHIN_MS = 60_000;

export class RestartLimit {
  readonly #nowMs: () => number;
  #restartsAtMs: number[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  allows(): boolean {
    const nowMs = this.#nowMs();
    this.#restartsAtMs = this.#restartsAtMs.filter((atMs) => nowMs - atMs < WITHIN_MS);
    if (this.#restartsAtMs.length >= RESTARTS_MAX) return false;
    this.#restartsAtMs.push(nowMs);
    return true;
  }
}
