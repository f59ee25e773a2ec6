/**
 * One handler for every command of the contract: the mapped type makes a missing one a compile error. A handler is a line
 * or two; what it takes more belongs to the desk. What arrives here has been checked against the contract's schema.
 */
import type { CommandName, InputOf, ValueOf } from '../../src-shared/api/index.ts';
import { CairnError } from '../../src-shared/errors.ts';
import type { BackupSet, Destination, DoctorFinding } from '../../src-shared/model/index.ts';
import type { Catalog } from '../engine/catalog/index.ts';
import {
  type CatalogKeeper,
  type Desk,
  figuresOver,
  integrityStatus,
  previewOf,
  readLog,
  searchIn,
  versionsOf,
} from '../engine/desk/index.ts';
import { bytesOf } from '../engine/kernel/index.ts';
import type { Engine } from '../engine/index.ts';
import type { SetRecord } from '../engine/sets/index.ts';
import type { EngineHost } from './port.ts';

export type Handlers = {
  readonly [Name in CommandName]: (input: InputOf<Name>) => ValueOf<Name> | Promise<ValueOf<Name>>;
};

export type HandlerOptions = {
  readonly desk: Desk;
  readonly keeper: CatalogKeeper;
  readonly catalog: Pick<Catalog, 'series'>;
  readonly engine: Engine;
  readonly host: EngineHost;
  readonly home: string;
  readonly version: string;
  readonly kdfCost: number | undefined;
};

type Some<Prefix extends string> = Pick<Handlers, Extract<CommandName, `${Prefix}.${string}`>>;

export function createHandlers(options: HandlerOptions): Handlers {
  return {
    ...appHandlers(options),
    ...settingsHandlers(options),
    ...placesHandlers(options),
    ...setsHandlers(options),
    ...destinationHandlers(options),
    ...jobHandlers(options),
    ...lookHandlers(options),
    ...historyHandlers(options),
    ...keyHandlers(options),
  };
}

function appHandlers({ desk, engine, host, version }: HandlerOptions): Some<'app' | 'overview'> {
  return {
    'app.info': () => ({
      version,
      ...host.abilities,
      platform: process.platform,
      folderDialog: host.chooseFolder !== undefined,
      reveal: host.reveal !== undefined,
      startAtLogin: host.setStartAtLogin !== undefined,
      cliCommand: 'cairn',
    }),
    'app.doctor': async ({ destinationId }) => {
      const found =
        destinationId === null
          ? await engine.doctor(undefined, undefined)
          : await engine.doctor(desk.destinations.path(destinationId), desk.destinations.secret(destinationId));
      return [...desk.setAside.map(setAsideFinding), ...found];
    },
    'overview.get': () => desk.overview.get(),
  };
}

function setAsideFinding(file: string): DoctorFinding {
  return {
    check: 'app state',
    verdict: 'warning',
    detail: `A file of the app was damaged and set aside: ${file}`,
    advice: 'Your backups are not affected. Add the backup again where it is missing (“I have a backup already”).',
  };
}

function settingsHandlers({ desk, host }: HandlerOptions): Some<'settings'> {
  return {
    'settings.get': () => desk.settings.state,
    'settings.change': async (change) => {
      const { startAtLogin } = change;
      if (startAtLogin !== undefined && startAtLogin !== desk.settings.state.startAtLogin) {
        if (host.setStartAtLogin === undefined) throw unavailable('start at login');
        await host.setStartAtLogin(startAtLogin);
      }
      const settings = await desk.settings.change((before) => ({ ...before, ...change }));
      desk.tell({ kind: 'changed', topic: 'settings', destinationId: null });
      return settings;
    },
  };
}

function placesHandlers({ desk, host }: HandlerOptions): Some<'places'> {
  const { places, measuring, handles } = desk;
  return {
    'places.suggested': () => places.suggested(),
    'places.drives': () => places.drives(),
    'places.browse': ({ handle, hidden }) => places.browse(handle, hidden),
    'places.makeFolder': ({ handle, name }) => places.makeFolder(handle, name),
    'places.dialog': async ({ purpose }) => {
      if (host.chooseFolder === undefined) throw unavailable('show the system’s dialog');
      const chosen = await host.chooseFolder(purpose);
      return chosen === undefined ? null : places.place(Buffer.from(chosen));
    },
    'places.measure': ({ handles: wanted, rules }) => {
      const sources = wanted.map((handle) => ({ handle, path: handles.pathOf(handle) }));
      return { measureId: measuring.start(sources, rules) };
    },
    'places.stopMeasuring': () => {
      measuring.stop();
      return null;
    },
    'places.probe': (input) => desk.probe(input),
  };
}

function setsHandlers({ desk }: HandlerOptions): Some<'sets'> {
  return {
    'sets.create': async (input) => {
      const { set, recoveryKey } = await desk.sets.create(input);
      const job = desk.backup(set.setId, false);
      return { set: await desk.overview.set(set), recoveryKey, job };
    },
    'sets.adopt': async (input) => {
      const set = await desk.sets.adopt(input);
      await desk.runs.loadVerification(set.destinationId);
      await desk.overview.refresh();
      return desk.overview.set(set);
    },
    'sets.edit': async (input) => {
      const set = await desk.sets.edit(input);
      await desk.overview.refresh();
      return desk.overview.set(set);
    },
    'sets.schedule': async ({ setId, schedule }) => {
      const set = await desk.sets.setSchedule(setId, schedule);
      await desk.overview.refresh();
      return desk.overview.set(set);
    },
    'sets.pause': async ({ setId, until }) => setsOf(desk, await desk.sets.pause(setId, until ?? 'forever')),
    'sets.resume': async ({ setId }) => setsOf(desk, await desk.sets.pause(setId, null)),
    'sets.remove': async ({ setId }) => {
      const isAtWork = desk.jobs.open().some((job) => job.setId === setId);
      if (isAtWork)
        throw new CairnError('app/busy', 'This set is being backed up.', {
          hint: 'Nothing was changed. Cancel it first.',
        });
      await desk.sets.remove(setId);
      await desk.overview.refresh();
      return null;
    },
  };
}

function destinationHandlers({ desk }: HandlerOptions): Some<'destinations'> {
  const { destinations } = desk;
  const shown = async (destinationId: string): Promise<Destination> => {
    await desk.overview.refresh();
    return desk.overview.destination(destinations.record(destinationId));
  };
  return {
    'destinations.unlock': async ({ destinationId, secret, remember }) => {
      await destinations.unlock(destinationId, secret, remember);
      return shown(destinationId);
    },
    'destinations.lock': async ({ destinationId, forget }) => {
      await destinations.lock(destinationId, forget);
      return shown(destinationId);
    },
  };
}

function jobHandlers({ desk, host }: HandlerOptions): Some<'jobs'> {
  return {
    'jobs.list': () => desk.jobs.list(),
    'jobs.backup': ({ setId, reread }) => desk.backup(setId, reread),
    'jobs.verify': (input) => desk.verify(input),
    'jobs.restore': (input) => desk.restore(input),
    'jobs.planRestore': (input) => desk.planRestore(input),
    'jobs.undo': ({ runId }) => desk.undo(runId),
    'jobs.cancel': ({ jobId }) => desk.jobs.cancel(jobId),
    'jobs.dismiss': ({ jobId }) => {
      desk.jobs.dismiss(jobId);
      return null;
    },
    'jobs.reveal': async ({ jobId }) => {
      const { outcome } = desk.jobs.job(jobId);
      if (host.reveal === undefined) throw unavailable('open folders');
      if (outcome?.kind !== 'restore') throw new CairnError('app/not-found', 'This job restored nothing.');
      await host.reveal(bytesOf(outcome.place.path).toString());
      return null;
    },
  };
}

function lookHandlers({ desk, home }: HandlerOptions): Some<'snapshots' | 'browse' | 'integrity' | 'activity'> {
  const { destinations, runs, listings } = desk;
  return {
    'snapshots.list': ({ destinationId }) => destinations.repository(destinationId).snapshots(),
    'browse.list': (input) => listings.page(destinations.repository(input.destinationId), input),
    'browse.preview': ({ destinationId, snapshotId, path }) =>
      previewOf(destinations.repository(destinationId), snapshotId, path),
    'integrity.status': ({ destinationId }) => integrityStatus(desk, destinationId),
    'activity.runs': ({ before, limit }) => runs.list(before, limit),
    'activity.run': ({ runId }) => runs.details(runId),
    'activity.log': ({ level, limit }) => readLog(home, level, limit),
  };
}

const RUNS_FOR_FIGURES_MAX = 2000;

function historyHandlers({ desk, keeper, catalog }: HandlerOptions): Some<'search' | 'compare' | 'metrics'> {
  const { destinations, runs } = desk;
  return {
    'search.find': (input) =>
      searchIn(destinations.repository(input.destinationId), input, keeper.isBehind(input.destinationId)),
    'search.versions': (input) => versionsOf(destinations.repository(input.destinationId), input),
    'compare.list': (input) => desk.comparing.list(destinations.repository(input.destinationId), input),
    'compare.text': (input) => desk.comparing.text(destinations.repository(input.destinationId), input),
    'metrics.get': ({ range }) =>
      figuresOver(range, {
        catalog,
        runs: runs.list(null, RUNS_FOR_FIGURES_MAX),
        nowMs: Date.parse(desk.nowText()),
      }),
  };
}

function keyHandlers({ desk, engine, kdfCost }: HandlerOptions): Some<'keys'> {
  const { destinations } = desk;
  return {
    'keys.list': ({ destinationId }) => destinations.repository(destinationId).keys(),
    'keys.addRecovery': async ({ destinationId, label }) => {
      const { recoveryKey } = await (await destinations.repositoryToWrite(destinationId)).addRecoveryKey(label);
      return { recoveryKey };
    },
    'keys.changePassword': async ({ destinationId, currentPassword, newPassword }) => {
      await destinations.repositoryToWrite(destinationId);
      const current = { kind: 'password', password: currentPassword } as const;
      // Opened with the one that is typed now: that is the one which is replaced, and who typed it knew it.
      const opened = await engine.open(destinations.path(destinationId), () => Promise.resolve(current));
      await opened.changePassword(newPassword, kdfCost);
      const { remembered } = destinations.record(destinationId);
      await destinations.hold(destinationId, opened, { kind: 'password', password: newPassword });
      if (remembered) await destinations.remember(destinationId, newPassword);
      return null;
    },
    'keys.remove': async ({ destinationId, keyId }) => {
      await (await destinations.repositoryToWrite(destinationId)).removeKey(keyId);
      return null;
    },
  };
}

async function setsOf(desk: Desk, records: readonly SetRecord[]): Promise<readonly BackupSet[]> {
  await desk.overview.refresh();
  return Promise.all(records.map((record) => desk.overview.set(record)));
}

function unavailable(what: string): CairnError {
  return new CairnError('app/unavailable', `Cairn can’t ${what} where it runs now.`);
}
