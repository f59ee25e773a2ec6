/** The folders of this computer, one at a time, for the picker; and the one place that knows how a folder is chosen. */
import type { Drive, FolderListing, Place } from '../../src-shared/model/index.ts';
import type { Client } from '../api.ts';
import { Load } from './load.svelte.ts';

export class FolderBrowser {
  readonly #client: Client;
  readonly listing = new Load<FolderListing>();
  readonly drives = new Load<readonly Drive[]>();
  #hidden = $state(false);
  #handle: string | null = null;

  constructor(client: Client) {
    this.#client = client;
  }

  get hidden(): boolean {
    return this.#hidden;
  }

  begin(): void {
    this.drives.ask(() => this.#client.call('places.drives', {})).catch(() => null);
    this.open(null);
  }

  open(handle: string | null): void {
    this.#handle = handle;
    this.listing.ask(() => this.#client.call('places.browse', { handle, hidden: this.#hidden })).catch(() => null);
  }

  showHidden(hidden: boolean): void {
    this.#hidden = hidden;
    this.open(this.#handle);
  }

  async makeFolder(handle: string, name: string): Promise<void> {
    const made = await this.#client.call('places.makeFolder', { handle, name });
    this.open(made.handle);
  }
}

export type PickPurpose = 'source' | 'destination' | 'target';

/** Asks with the system's dialog where there is one, else opens the picker in the window. */
export class FolderChoice {
  readonly #client: Client;
  #asking = $state.raw<{ readonly purpose: PickPurpose; readonly onPick: (place: Place) => void } | null>(null);

  constructor(client: Client) {
    this.#client = client;
  }

  get asking(): { readonly purpose: PickPurpose; readonly onPick: (place: Place) => void } | null {
    return this.#asking;
  }

  async ask(purpose: PickPurpose, systemDialog: boolean, onPick: (place: Place) => void): Promise<void> {
    if (!systemDialog) {
      this.#asking = { purpose, onPick };
      return;
    }
    const place = await this.#client.call('places.dialog', { purpose });
    if (place !== null) onPick(place);
  }

  pick(place: Place): void {
    this.#asking?.onPick(place);
    this.#asking = null;
  }

  close(): void {
    this.#asking = null;
  }
}
