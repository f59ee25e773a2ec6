/** The actions of the palette, made from what is possible now. */
import { CONTROL, searchAll } from './keys.ts';
import { PAUSES } from './pause.ts';
import { type App, SCREENS } from './state/app.svelte.ts';
import type { RestoreState } from './state/restore.svelte.ts';
import { words } from './words/index.ts';

export type PaletteAction = {
  readonly group: 'act' | 'go' | 'look';
  readonly label: string;
  readonly keys: string;
  readonly run: () => void;
};

export function actionsOf(app: App, restore: RestoreState): readonly PaletteAction[] {
  const later = (promise: Promise<unknown>): void => {
    promise.catch(() => null);
  };
  const actions: PaletteAction[] = [];
  for (const set of app.sets) {
    if (app.jobs.activeOf('backup', { setId: set.setId }) !== null) continue;
    actions.push({
      group: 'act',
      label: `${words.overview.backUpNow}: ${set.name}`,
      keys: `${CONTROL} B`,
      run: () => later(app.backup(set.setId)),
    });
  }
  for (const { destinationId, name, state } of app.destinations) {
    if (state === 'locked') {
      actions.push({
        group: 'act',
        label: `${words.secrets.unlock} ${name}`,
        keys: '',
        run: () => app.open({ kind: 'unlock', destinationId }),
      });
    }
    if (state !== 'ready') continue;
    for (const depth of ['quick', 'sample', 'deep'] as const) {
      actions.push({
        group: 'act',
        label: `${words.DEPTHS[depth].title}: ${name}`,
        keys: '',
        run: () => later(app.verify(destinationId, depth)),
      });
    }
  }
  if (app.destinations.some(({ state }) => state === 'ready')) {
    actions.push({ group: 'act', label: words.search.open, keys: '/', run: () => searchAll(app, restore) });
  }
  actions.push(...pauseActions(app));
  const running = app.jobs.running;
  if (running !== null) {
    actions.push({
      group: 'act',
      label: `${words.jobs.cancel}: ${words.JOB_RUNNING[running.kind]}`,
      keys: '',
      run: () => later(app.attempt(() => app.jobs.cancel(running.jobId))),
    });
  }
  for (const [index, screen] of SCREENS.entries()) {
    actions.push({
      group: 'go',
      label: words.SCREEN_NAMES[screen],
      keys: `${CONTROL} ${index + 1}`,
      run: () => app.show(screen),
    });
  }
  for (const theme of ['system', 'light', 'dark'] as const) {
    actions.push({
      group: 'look',
      label: `${words.settings.theme}: ${words.settings.themes[theme]}`,
      keys: '',
      run: () => later(app.chooseTheme(theme)),
    });
  }
  actions.push({ group: 'look', label: words.shell.keys, keys: '?', run: () => app.open({ kind: 'keys' }) });
  return actions;
}

function pauseActions(app: App): readonly PaletteAction[] {
  const action = (label: string, deed: () => Promise<void>): PaletteAction => ({
    group: 'act',
    label,
    keys: '',
    run: () => {
      deed().catch(() => null);
    },
  });
  if (app.sets.some(({ pausedUntil }) => pausedUntil !== null))
    return [action(words.live.resume, () => app.resume(null))];
  if (app.sets.every(({ schedule }) => schedule.timing.kind === 'manual')) return [];
  return PAUSES.map((choice) =>
    action(`${words.live.pauseAll}: ${words.live.pauses[choice]}`, () => app.pause(null, choice)),
  );
}
