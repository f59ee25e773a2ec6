/**
 * Questions to places that may never answer: a network drive whose server is gone holds a system call, and with it one of
 * the few threads that make them. So each question has a time, and the same question is never asked again while the
 * last one still hangs: a place that is dead costs one call and not one more every few seconds.
 */

/** Questions that hang at a time; beyond it everything is answered as if it hung. */
const HANGING_MAX = 256;

export class Patience<Value> {
  readonly #timeoutMs: number;
  readonly #otherwise: Value;
  readonly #asked = new Map<string, Promise<Value>>();

  constructor(timeoutMs: number, otherwise: Value) {
    this.#timeoutMs = timeoutMs;
    this.#otherwise = otherwise;
  }

  /** The answer, or what stands for none when its time is over. `key` tells one question from another. */
  async ask(key: string, question: () => Promise<Value>): Promise<Value> {
    const asked = this.#asked.get(key);
    if (asked === undefined && this.#asked.size >= HANGING_MAX) return this.#otherwise;
    const answer = asked ?? this.#begin(key, question);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<Value>((resolve) => {
      timer = setTimeout(() => resolve(this.#otherwise), this.#timeoutMs);
    });
    try {
      return await Promise.race([answer, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  #begin(key: string, question: () => Promise<Value>): Promise<Value> {
    const answer = question().finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    // Whoever asked has given up by then; the answer is nobody's.
    answer.catch(() => undefined);
    return answer;
  }
}
