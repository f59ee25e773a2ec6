/** Opening a backup that exists: look at each place for one, then open it with a secret. */
import type { SecretInput } from '../../src-shared/api/contract.ts';
import type { CairnError } from '../../src-shared/errors.ts';
import type { DestinationProbe, Drive, Place } from '../../src-shared/model/index.ts';
import { asCairnError } from '../api.ts';
import type { App } from './app.svelte.ts';
import { Load } from './load.svelte.ts';

export class AdoptState {
  readonly #app: App;
  readonly drives = new Load<readonly Drive[]>();
  readonly probe = new Load<DestinationProbe>();
  #place = $state.raw<Place | null>(null);
  #busy = $state(false);
  #error = $state.raw<CairnError | null>(null);

  constructor(app: App) {
    this.#app = app;
    this.#begin().catch(() => null);
  }

  get place(): Place | null {
    return this.#place;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get error(): CairnError | null {
    return this.#error;
  }

  choose(place: Place): void {
    this.#place = place;
    this.#error = null;
    this.probe.reset();
    this.probe
      .ask(() => this.#app.client.call('places.probe', { handle: place.handle, sources: [] }))
      .catch(() => null);
  }

  async open(secret: SecretInput | null, remember: boolean): Promise<void> {
    const probe = this.probe.value;
    if (probe === null) return;
    this.#busy = true;
    this.#error = null;
    try {
      await this.#app.client.call('sets.adopt', { destination: probe.repository.handle, secret, remember });
      await this.#app.overview.ask(() => this.#app.client.call('overview.get', {}));
      this.#app.show('restore');
    } catch (error) {
      this.#error = asCairnError(error);
    } finally {
      this.#busy = false;
    }
  }

  async #begin(): Promise<void> {
    await this.drives.ask(() => this.#app.client.call('places.drives', {}));
    const first = this.drives.value?.find(({ removable }) => removable);
    if (first !== undefined && this.#place === null) this.choose(first.place);
  }
}
