/**
 * A page in a browser stays open for days, and whoever comes to it later, a person or a program that took it over, is not
 * who opened it. So what sends files to a new place or changes who can open a backup needs its password once more, unless
 * the session began, or the password was typed on it, a short while ago. An unencrypted backup has none: nothing is asked.
 *
 * What brings its password along anyway (a new destination, an adopted one, a new password) is a proof and needs none.
 */
import type { CommandName, InputOf, ValueOf } from '../../src-shared/api/index.ts';
import { CairnError } from '../../src-shared/errors.ts';
import type { Clock } from '../engine/kernel/index.ts';

export const FRESH_MS = 15 * 60 * 1000;
/** Destinations of one session; the oldest proof is forgotten beyond it. */
const PROOFS_MAX = 1000;

/** When somebody last showed on one session that they may. */
export class Proofs {
  readonly #clock: Clock;
  readonly #begunMs: number;
  readonly #provenMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#begunMs = clock.monotonicMs();
  }

  /** The secret of a destination was typed and is right. */
  prove(destinationId: string): void {
    this.#provenMs.delete(destinationId);
    this.#provenMs.set(destinationId, this.#clock.monotonicMs());
    const [oldest] = this.#provenMs.keys();
    if (this.#provenMs.size > PROOFS_MAX && oldest !== undefined) this.#provenMs.delete(oldest);
  }

  isFresh(destinationId: string): boolean {
    const lastMs = this.#provenMs.get(destinationId) ?? this.#begunMs;
    return this.#clock.monotonicMs() - lastMs < FRESH_MS;
  }
}

/** The destination whose password is needed; null where none is. */
type Needs = { readonly [Name in CommandName]?: (input: InputOf<Name>) => string | null };
/** The destination whose password was shown. */
type Shows = { readonly [Name in CommandName]?: (input: InputOf<Name>, value: ValueOf<Name>) => string };

const NEEDS: Needs = {
  'jobs.restore': ({ to, destinationId }) => (to.kind === 'folder' ? destinationId : null),
  'keys.addRecovery': ({ destinationId }) => destinationId,
  'keys.remove': ({ destinationId }) => destinationId,
};

const SHOWS: Shows = {
  'destinations.unlock': ({ destinationId }) => destinationId,
  'keys.changePassword': ({ destinationId }) => destinationId,
  'sets.create': (_input, { set }) => set.destinationId,
  'sets.adopt': (_input, set) => set.destinationId,
};

export class PasswordGuard {
  readonly #proofs: Proofs;
  readonly #isEncrypted: (destinationId: string) => boolean;

  constructor(proofs: Proofs, isEncrypted: (destinationId: string) => boolean) {
    this.#proofs = proofs;
    this.#isEncrypted = isEncrypted;
  }

  /** @throws CairnError key/retype, app/not-found */
  before<Name extends CommandName>(command: Name, input: InputOf<Name>): void {
    const needs: Needs[Name] = NEEDS[command];
    const destinationId = needs?.(input) ?? null;
    if (destinationId === null || !this.#isEncrypted(destinationId) || this.#proofs.isFresh(destinationId)) return;
    throw new CairnError('key/retype', 'The password of this backup was typed too long ago for this.');
  }

  after<Name extends CommandName>(command: Name, input: InputOf<Name>, value: ValueOf<Name>): void {
    const shows: Shows[Name] = SHOWS[command];
    const destinationId = shows?.(input, value);
    if (destinationId !== undefined) this.#proofs.prove(destinationId);
  }
}
