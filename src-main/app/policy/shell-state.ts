/**
 * What the app itself remembers between two runs: where its window was, the theme, and what has been explained. Losing
 * it costs nothing but comfort, so a file that cannot be read counts as empty.
 */
import * as v from 'valibot';

import { THEMES } from '../../../src-shared/api/bridge.ts';

const pixels = v.pipe(v.number(), v.safeInteger());
const rectangle = v.object({ x: pixels, y: pixels, width: pixels, height: pixels });
const shellState = v.object({
  bounds: v.exactOptional(rectangle),
  isMaximized: v.exactOptional(v.boolean(), false),
  theme: v.exactOptional(v.picklist(THEMES), 'system'),
  /** Closing the window leaves the app at work; that is said the first time. */
  wasBackgroundExplained: v.exactOptional(v.boolean(), false),
});

export type Rectangle = v.InferOutput<typeof rectangle>;
export type ShellState = Readonly<v.InferOutput<typeof shellState>>;

export const WINDOW_SIZE = { width: 1280, height: 800 } as const;
export const WINDOW_SIZE_MIN = { width: 900, height: 600 } as const;
/** So much of a window must lie on a screen that a person can take hold of it. */
const VISIBLE_MIN = { width: 200, height: 100 } as const;

export function parseShellState(text: string): ShellState {
  try {
    const parsed = v.safeParse(shellState, JSON.parse(text));
    if (parsed.success) return parsed.output;
  } catch {
    // Not even JSON: the same as no file.
  }
  return v.parse(shellState, {});
}

export type WindowPlace = { readonly width: number; readonly height: number; readonly x?: number; readonly y?: number };

/** Where to open the window: where it was, unless that screen is gone; never smaller than it can be used. */
export function windowPlace(bounds: Rectangle | undefined, screens: readonly Rectangle[]): WindowPlace {
  if (bounds === undefined) return WINDOW_SIZE;
  const width = Math.max(bounds.width, WINDOW_SIZE_MIN.width);
  const height = Math.max(bounds.height, WINDOW_SIZE_MIN.height);
  const isReachable = screens.some((screen) => {
    const overlap = (start: number, length: number, from: number, size: number): number =>
      Math.min(start + length, from + size) - Math.max(start, from);
    return (
      overlap(bounds.x, width, screen.x, screen.width) >= VISIBLE_MIN.width &&
      overlap(bounds.y, height, screen.y, screen.height) >= VISIBLE_MIN.height &&
      // The title bar, by which a window is moved.
      bounds.y >= screen.y
    );
  });
  return isReachable ? { x: bounds.x, y: bounds.y, width, height } : { width, height };
}
