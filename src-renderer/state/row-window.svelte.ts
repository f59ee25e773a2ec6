/**
 * The part of a long list that is in sight. All rows have one height, so where a row stands is known without it, and only
 * those in sight, and a few around them, are in the page. The list that shows them hands in what it scrolls.
 */

/** Rows beyond each edge, so that scrolling a little shows no gap. */
const OVERSCAN = 8;
/** Until the list has been laid out. */
const HEIGHT_FIRST = 400;

type Viewport = Pick<HTMLElement, 'scrollTop' | 'clientHeight'>;
type Options = {
  readonly rowHeight: () => number;
  readonly total: () => number;
  readonly viewport: () => Viewport | undefined;
};

export class RowWindow {
  readonly #options: Options;
  #top = $state(0);
  /** Of the viewport: bound to it. */
  height = $state(HEIGHT_FIRST);
  readonly first = $derived.by(() => Math.max(0, Math.floor(this.#top / this.#rowHeight) - OVERSCAN));
  readonly last = $derived.by(() =>
    Math.min(this.#total - 1, Math.ceil((this.#top + this.height) / this.#rowHeight) + OVERSCAN),
  );
  readonly indexes: readonly number[] = $derived(
    Array.from({ length: Math.max(0, this.last - this.first + 1) }, (_, index) => this.first + index),
  );

  constructor(options: Options) {
    this.#options = options;
  }

  get #rowHeight(): number {
    return this.#options.rowHeight();
  }

  get #total(): number {
    return this.#options.total();
  }

  /** Of all rows together, in pixels. */
  get extent(): number {
    return this.#total * this.#rowHeight;
  }

  /** From the top of the list to the first row that is drawn, in pixels. */
  get offset(): number {
    return this.first * this.#rowHeight;
  }

  isDrawn(index: number): boolean {
    return index >= this.first && index <= this.last;
  }

  /** The viewport was scrolled. */
  onScroll(): void {
    this.#top = this.#options.viewport()?.scrollTop ?? 0;
  }

  /** Scrolls no further than it takes to see the whole row. */
  reveal(index: number): void {
    const viewport = this.#options.viewport();
    if (!viewport) return;
    const from = index * this.#rowHeight;
    const to = from + this.#rowHeight;
    if (from < viewport.scrollTop) viewport.scrollTop = from;
    else if (to > viewport.scrollTop + viewport.clientHeight) viewport.scrollTop = to - viewport.clientHeight;
  }

  /** The row that a key leads to from another one; null where the key is for something else. */
  leadsTo(key: string, from: number): number | null {
    const page = Math.max(1, Math.floor(this.height / this.#rowHeight) - 1);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: from + 1,
      ArrowUp: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: this.#total - 1,
    };
    const to = moves[key];
    return to === undefined ? null : Math.max(0, Math.min(to, this.#total - 1));
  }
}
