/**
 * Who may talk to the headless server. A token of 256 random bits, given to the person in a link, is exchanged once for
 * a session: a cookie that scripts can't read, and a CSRF text that no other page can know. Both are needed for
 * everything that does something. What is kept are hashes, compared in constant time; nothing of it is ever logged.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { WEB_TOKEN_SHAPE } from '../../src-shared/api/web.ts';
import type { Clock, Random } from '../engine/kernel/index.ts';
import { Proofs } from './password-guard.ts';

const SECRET_BYTES = 32;
const TOKEN_LIFE_MS = 10 * 60 * 1000;
const SESSION_IDLE_MS = 12 * 60 * 60 * 1000;
const SESSION_LIFE_MS = 7 * 24 * 60 * 60 * 1000;
const SESSIONS_MAX = 16;
/** Wrong tokens in a minute before every exchange is refused for the rest of it. */
const FAILURES_MAX = 5;
const FAILURES_WINDOW_MS = 60 * 1000;

export type Session = {
  readonly csrf: string;
  readonly onEnd: Set<() => void>;
  readonly proofs: Proofs;
};

type Kept = Session & { readonly cookieHash: Buffer; readonly madeMs: number; usedMs: number };

export class Sessions {
  readonly #clock: Clock;
  readonly #random: Random;
  #tokenHash: Buffer | undefined;
  #tokenMadeMs = 0;
  #sessions: Kept[] = [];
  #failures: number[] = [];

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A new link's token; an older one that was not used yet works no more. */
  makeToken(): string {
    const token = this.#secret();
    this.#tokenHash = hashOf(token);
    this.#tokenMadeMs = this.#clock.monotonicMs();
    return token;
  }

  /** The cookie and session for a token, once; undefined for a wrong, used or expired one. */
  exchange(token: string): { readonly cookie: string; readonly session: Session } | undefined {
    const expected = this.#tokenHash;
    const isYoung = this.#clock.monotonicMs() - this.#tokenMadeMs < TOKEN_LIFE_MS;
    const isRight = expected !== undefined && WEB_TOKEN_SHAPE.test(token) && timingSafeEqual(hashOf(token), expected);
    if (!isRight || !isYoung) {
      this.#failed();
      return undefined;
    }
    this.#tokenHash = undefined;
    const cookie = this.#secret();
    const nowMs = this.#clock.monotonicMs();
    const session = { csrf: this.#secret(), onEnd: new Set<() => void>(), proofs: new Proofs(this.#clock) };
    const kept: Kept = { ...session, cookieHash: hashOf(cookie), madeMs: nowMs, usedMs: nowMs };
    this.#sessions.push(kept);
    while (this.#sessions.length > SESSIONS_MAX) this.#end(this.#sessions[0]);
    return { cookie, session: kept };
  }

  /** The session of a cookie, while it lives. */
  find(cookie: string | undefined): Session | undefined {
    const nowMs = this.#clock.monotonicMs();
    for (const session of this.#sessions.filter((kept) => isExpired(kept, nowMs))) this.#end(session);
    if (cookie === undefined || !WEB_TOKEN_SHAPE.test(cookie)) return undefined;
    const hash = hashOf(cookie);
    // All are compared: how long it takes says nothing about which one it is.
    const [found] = this.#sessions.filter(({ cookieHash }) => timingSafeEqual(cookieHash, hash));
    if (found !== undefined) found.usedMs = nowMs;
    return found;
  }

  /** A socket of the session is in use. */
  touch(session: Session): void {
    const kept = this.#sessions.find(({ csrf }) => csrf === session.csrf);
    if (kept !== undefined) kept.usedMs = this.#clock.monotonicMs();
  }

  /** Whether a request carries the CSRF text of its session. */
  matches(session: Session, csrf: string | undefined): boolean {
    return csrf !== undefined && WEB_TOKEN_SHAPE.test(csrf) && timingSafeEqual(hashOf(csrf), hashOf(session.csrf));
  }

  /** Too many wrong ones came lately: not even a right one is taken now. */
  get isGuessedAt(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#failures = this.#failures.filter((atMs) => nowMs - atMs < FAILURES_WINDOW_MS);
    return this.#failures.length >= FAILURES_MAX;
  }

  end(session: Session): void {
    this.#end(this.#sessions.find((kept) => kept.csrf === session.csrf));
  }

  endAll(): void {
    for (const session of [...this.#sessions]) this.#end(session);
    this.#tokenHash = undefined;
  }

  #end(session: Kept | undefined): void {
    if (session === undefined) return;
    this.#sessions = this.#sessions.filter((kept) => kept !== session);
    for (const tell of session.onEnd) tell();
  }

  #failed(): void {
    this.#failures = [...this.#failures, this.#clock.monotonicMs()].slice(-FAILURES_MAX);
  }

  #secret(): string {
    return Buffer.from(this.#random.bytes(SECRET_BYTES)).toString('base64url');
  }
}

/** A session with an open socket is in use; the socket says so with every message. */
function isExpired({ madeMs, usedMs }: Kept, nowMs: number): boolean {
  return nowMs - usedMs > SESSION_IDLE_MS || nowMs - madeMs > SESSION_LIFE_MS;
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
