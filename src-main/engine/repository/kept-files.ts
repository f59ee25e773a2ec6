/**
 * What was read from files that never change under their names (each is named by the hash of its bytes): whoever looks
 * at a repository again and again, as a live backup does, reads only what is new. Damage that comes after a file was read
 * is for `verify`, which keeps nothing from before.
 *
 * Invariants: at most `bytesMax` are kept, the oldest go first; a file of another size is not the one that was read.
 */
type Kept<Value> = { readonly sizeBytes: number; readonly value: Value };

export class KeptFiles<Value> {
  readonly #bytesMax: number;
  readonly #bytesOf: (value: Value) => number;
  readonly #files = new Map<string, Kept<Value>>();
  #bytes = 0;

  /** `bytesOf`: about how much memory a value takes. */
  constructor(bytesMax: number, bytesOf: (value: Value) => number) {
    this.#bytesMax = bytesMax;
    this.#bytesOf = bytesOf;
  }

  /** What is known of a file, or what `read` gives, which is kept. A failure is not. */
  async of(name: string, sizeBytes: number, read: () => Promise<Value>): Promise<Value> {
    const known = this.#files.get(name);
    if (known?.sizeBytes === sizeBytes) return known.value;
    const value = await read();
    this.#drop(name);
    this.#files.set(name, { sizeBytes, value });
    this.#bytes += this.#bytesOf(value);
    for (const oldest of this.#files.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#drop(oldest);
    }
    return value;
  }

  /** Forgets the files that are not among these. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#files.keys()) if (!names.has(name)) this.#drop(name);
  }

  clear(): void {
    this.#files.clear();
    this.#bytes = 0;
  }

  #drop(name: string): void {
    const file = this.#files.get(name);
    if (file === undefined) return;
    this.#bytes -= this.#bytesOf(file.value);
    this.#files.delete(name);
  }
}
