/** Short notices that go by themselves. Whatever needs a decision is no toast. */
import type { Tone } from '../words/verdict.ts';

export type ToastAction = { readonly label: string; readonly run: () => void };

export type Toast = {
  readonly id: number;
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
  readonly actions: readonly ToastAction[];
};

const TOASTS_MAX = 3;
const STAYS_MS = 9000;

export class Toasts {
  #rows = $state.raw<readonly Toast[]>([]);
  #nextId = 1;

  get rows(): readonly Toast[] {
    return this.#rows;
  }

  show(toast: Omit<Toast, 'id' | 'actions'> & { readonly actions?: readonly ToastAction[] }): void {
    const id = this.#nextId++;
    this.#rows = [...this.#rows, { actions: [], ...toast, id }].slice(-TOASTS_MAX);
    window.setTimeout(() => this.hide(id), STAYS_MS);
  }

  hide(id: number): void {
    this.#rows = this.#rows.filter((row) => row.id !== id);
  }
}
