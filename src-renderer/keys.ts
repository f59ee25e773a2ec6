/** Keys that work everywhere. Lists have keys of their own; in a text field only those with Ctrl count. */
import { type App, SCREENS } from './state/app.svelte.ts';
import type { RestoreState } from './state/restore.svelte.ts';

export const IS_MAC = /Mac/.test(navigator.platform);
export const CONTROL = IS_MAC ? '⌘' : 'Ctrl';

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function handleKey(app: App, restore: RestoreState, event: KeyboardEvent, isFirstRun: boolean): void {
  if (event.defaultPrevented || isFirstRun) return;
  if (app.overlay.kind !== 'none' && app.overlay.kind !== 'palette') return;
  const control = IS_MAC ? event.metaKey : event.ctrlKey;
  if (control && !event.altKey && !event.shiftKey) {
    if (event.key === 'k') {
      event.preventDefault();
      if (app.overlay.kind === 'palette') app.closeOverlay();
      else app.open({ kind: 'palette' });
      return;
    }
    const screen = SCREENS[Number(event.key) - 1];
    if (screen !== undefined) {
      event.preventDefault();
      app.closeOverlay();
      app.show(screen);
      return;
    }
    if (event.key === 'b') {
      event.preventDefault();
      const [set] = app.sets;
      if (set !== undefined) app.backup(set.setId).catch(() => null);
    }
    return;
  }
  if (event.key === '/' && !isTyping(event.target) && app.overlay.kind === 'none') {
    event.preventDefault();
    searchAll(app, restore);
    return;
  }
  if (event.key === '?' && !isTyping(event.target) && app.overlay.kind === 'none') {
    event.preventDefault();
    app.open({ kind: 'keys' });
  }
}

/** Search over all snapshots of the backup that Restore shows, or would show. */
export function searchAll(app: App, restore: RestoreState): void {
  const ready = app.destinations.filter(({ state }) => state === 'ready');
  const shown = ready.find(({ destinationId }) => destinationId === restore.destinationId) ?? ready[0];
  app.show('restore');
  if (shown === undefined) return;
  restore.enter(shown.destinationId);
  restore.startSearch();
}
