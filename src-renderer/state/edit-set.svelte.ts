/** A backup set that is being changed: nothing is sent before “Save”. */
import type { BackupSet, Place, SetSource } from '../../src-shared/model/index.ts';
import { formatBytes, parseBytes } from '../../src-shared/format/index.ts';
import type { App } from './app.svelte.ts';

type Kept = { readonly index: number; readonly source: SetSource };

export class EditSetState {
  readonly #app: App;
  readonly #set: BackupSet;
  #kept = $state.raw<readonly Kept[]>([]);
  #added = $state.raw<readonly Place[]>([]);
  #busy = $state(false);
  name = $state('');
  patterns = $state('');
  largest = $state('');
  cairnignore = $state(true);
  gitignore = $state(false);
  caches = $state(true);
  oneFileSystem = $state(true);

  constructor(app: App, set: BackupSet) {
    this.#app = app;
    this.#set = set;
    this.#kept = set.sources.map((source, index) => ({ index, source }));
    this.name = set.name;
    this.patterns = set.rules.excludes.join('\n');
    this.largest = set.rules.excludeLargerThanBytes === null ? '' : formatBytes(set.rules.excludeLargerThanBytes);
    this.cairnignore = set.rules.cairnignore;
    this.gitignore = set.rules.gitignore;
    this.caches = set.rules.excludeCaches;
    this.oneFileSystem = set.rules.oneFileSystem;
  }

  get kept(): readonly Kept[] {
    return this.#kept;
  }

  get added(): readonly Place[] {
    return this.#added;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get isValid(): boolean {
    return this.name.trim() !== '' && this.#kept.length + this.#added.length > 0 && this.#largestBytes() !== undefined;
  }

  get largestIsWrong(): boolean {
    return this.#largestBytes() === undefined;
  }

  drop(index: number): void {
    this.#kept = this.#kept.filter((row) => row.index !== index);
  }

  dropAdded(handle: string): void {
    this.#added = this.#added.filter((row) => row.handle !== handle);
  }

  add(place: Place): void {
    const known = this.#kept.some(({ source }) => source.path === place.path);
    const again = this.#added.some(({ path }) => path === place.path);
    if (!known && !again) this.#added = [...this.#added, place];
  }

  /** True when it was saved. */
  async save(): Promise<boolean> {
    const excludeLargerThanBytes = this.#largestBytes();
    if (!this.isValid || excludeLargerThanBytes === undefined) return false;
    this.#busy = true;
    const worked = await this.#app.attempt(() =>
      this.#app.client.call('sets.edit', {
        setId: this.#set.setId,
        name: this.name.trim(),
        keepSources: this.#kept.map(({ index }) => index),
        addSources: this.#added.map(({ handle }) => handle),
        rules: {
          ...this.#set.rules,
          excludes: this.patterns
            .split('\n')
            .map((line) => line.trim())
            .filter((line) => line !== ''),
          excludeLargerThanBytes,
          cairnignore: this.cairnignore,
          gitignore: this.gitignore,
          excludeCaches: this.caches,
          oneFileSystem: this.oneFileSystem,
        },
      }),
    );
    this.#busy = false;
    return worked;
  }

  async remove(): Promise<boolean> {
    return this.#app.attempt(() => this.#app.client.call('sets.remove', { setId: this.#set.setId }));
  }

  /** Undefined: what is typed is no size. */
  #largestBytes(): number | null | undefined {
    if (this.largest.trim() === '') return null;
    try {
      return parseBytes(this.largest);
    } catch {
      return undefined;
    }
  }
}
