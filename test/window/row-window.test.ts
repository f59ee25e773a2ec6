/** The part of a long list that is in sight: which rows are drawn, how a row comes into sight, and where keys lead. */
import { describe, expect, it } from 'vitest';
import { RowWindow } from '../../src-renderer/state/row-window.svelte.ts';

/** Rows of 10 pixels in a viewport of ten rows. */
function windowOf(total: number): { rows: RowWindow; viewport: { scrollTop: number; readonly clientHeight: number } } {
  const viewport = { scrollTop: 0, clientHeight: 100 };
  const rows = new RowWindow({ rowHeight: () => 10, total: () => total, viewport: () => viewport });
  rows.height = viewport.clientHeight;
  return { rows, viewport };
}

describe('rows in sight', () => {
  it('are drawn with a few around them, and no others', () => {
    const { rows, viewport } = windowOf(1000);
    expect([rows.first, rows.last]).toEqual([0, 18]);
    viewport.scrollTop = 5005;
    rows.onScroll();
    expect([rows.first, rows.last, rows.offset, rows.extent]).toEqual([492, 519, 4920, 10_000]);
    expect(rows.indexes).toHaveLength(28);
    expect([491, 492, 519, 520].map((index) => rows.isDrawn(index))).toEqual([false, true, true, false]);
  });

  it('end with the list, and of an empty list there are none', () => {
    expect(windowOf(5).rows.indexes).toEqual([0, 1, 2, 3, 4]);
    const { rows } = windowOf(0);
    expect(rows.indexes).toEqual([]);
    expect(rows.isDrawn(0)).toBe(false);
  });
});

describe('a row that is revealed', () => {
  it('is scrolled to no further than it takes', () => {
    const { rows, viewport } = windowOf(1000);
    const tops = [9, 10, 12, 3, 2].map((index) => {
      rows.reveal(index);
      return viewport.scrollTop;
    });
    expect(tops).toEqual([0, 10, 30, 30, 20]);
  });
});

describe('keys', () => {
  it('lead by a row, by a page less one, or to an end, and never beyond', () => {
    const { rows } = windowOf(1000);
    const keys = ['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End'];
    expect(keys.map((key) => rows.leadsTo(key, 50))).toEqual([51, 49, 59, 41, 0, 999]);
    expect(keys.map((key) => rows.leadsTo(key, 0))).toEqual([1, 0, 9, 0, 0, 999]);
    expect(keys.map((key) => rows.leadsTo(key, 999))).toEqual([999, 998, 999, 990, 0, 999]);
  });

  it('for something else lead nowhere', () => {
    expect(windowOf(1000).rows.leadsTo('Enter', 50)).toBeNull();
  });
});
