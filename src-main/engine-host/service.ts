/**
 * The engine's service: the desk behind the contract, for any number of clients. Both hosts start it the same way and
 * differ only in what they can do for it (port.ts).
 */
import os from 'node:os';
import packageFile from '../../package.json' with { type: 'json' };
import type { EngineEvent } from '../../src-shared/api/index.ts';
import type { Job, JobKind } from '../../src-shared/model/index.ts';
import { processClock } from '../cli/clock.ts';
import { homeFolder } from '../cli/home.ts';
import { type LogFile, openLog } from '../cli/log.ts';
import { type Agent, startAgent, watchingOf } from '../engine/agent/index.ts';
import { type Catalog, openCatalog } from '../engine/catalog/index.ts';
import {
  CatalogKeeper,
  type Desk,
  type DeskOptions,
  type Every,
  everyInterval,
  openDesk,
  startMonitor,
} from '../engine/desk/index.ts';
import { openEngine } from '../engine/index.ts';
import { type Clock, type Log, type Ports, afterDelay, systemPorts } from '../engine/kernel/index.ts';
import { systemProbes, systemTimeZone } from '../engine/schedule/index.ts';
import type { WatchTimes } from '../engine/source/index.ts';
import { serveClient } from './connection.ts';
import { createDispatch } from './dispatch.ts';
import { createHandlers } from './handlers.ts';
import { type HomeLock, lockHome } from './home-lock.ts';
import { metricFamilies } from './metrics.ts';
import { PasswordGuard } from './password-guard.ts';
import { StatusFile } from './status-file.ts';
import { hostStatus } from './host-status.ts';
import { MemoryKeeper } from './memory-keeper.ts';
import { Notices } from './notices.ts';
import { Tally } from './tally.ts';
import type { Activity, EngineHost, EngineService, MessagePortLike, StartService } from './port.ts';

/** Windows, tabs and scripts together. */
const CLIENTS_MAX = 32;

export type ServiceOptions = {
  readonly home: string;
  readonly log: Log;
  readonly host: EngineHost;
  /** Folders are browsed in the home folder and on drives only. */
  readonly confined: boolean;
  readonly userHome?: string;
  /** Another than the system’s in tests only. */
  readonly hostName?: string;
  /** Another than the system’s in tests only. */
  readonly clock?: Clock;
  readonly every?: Every;
  /** Runs sets by themselves. False only in tests that are about something else. */
  readonly withAgent?: boolean;
  /** Shorter in tests. */
  readonly watchTimes?: Partial<WatchTimes>;
  /** Lowered by tests only. */
  readonly kdfCost?: number;
  /** Stood in for by tests: the drives of this computer. */
  readonly volumes?: DeskOptions['volumes'];
};

export type OpenService = EngineService & {
  readonly desk: Desk;
  readonly lock: HomeLock;
  /** As things stand now, for a scraper. */
  readonly metrics: () => ReturnType<typeof metricFamilies>;
};

/** The service as Electron's utility process starts it: CAIRN_HOME and the log are this process's own business. */
export const startService: StartService = async (host) => {
  const home = homeFolder(process.env);
  const log: LogFile = openLog({ home, clock: processClock, onFailure: () => undefined });
  const service = await openService({ home, log: log.write, host, confined: false });
  return {
    ...service,
    close: async () => {
      await service.close();
      await log.close();
    },
  };
};

/** @throws CairnError app/busy where another Cairn serves this home, engine/local-state, repository/newer-format */
export async function openService(options: ServiceOptions): Promise<OpenService> {
  const { home, log, host, confined, userHome = os.homedir(), hostName = os.hostname() } = options;
  const { every = everyInterval, kdfCost, volumes } = options;
  const ports = { ...systemPorts, log, ...(options.clock === undefined ? {} : { clock: options.clock }) };
  const lock = await lockHome(home, ports);
  try {
    const catalog = openCatalog({ home, log });
    const tally = new Tally((name, value, atMs) => catalog.record(name, value, atMs));
    const engine = openEngine({ home, log, catalog, figure: tally.note });
    const desk = await openDesk({
      home,
      engine,
      ports,
      every,
      keychain: host.secrets,
      confined,
      userHome,
      hostName,
      ...(kdfCost === undefined ? {} : { kdfCost }),
      ...(volumes === undefined ? {} : { volumes }),
    });
    await followLoginItem(desk, host);
    const notices = noticesOf(desk, host);
    const startsAgent = (): Agent | undefined =>
      options.withAgent === false ? undefined : agentOf(desk, notices, options, ports);
    const status = new StatusFile(home, { after: afterDelay, log, nowText: () => desk.nowText() });
    const keeper = new CatalogKeeper({ destinations: desk.destinations, tell: (event) => desk.tell(event), log });
    const handlers = createHandlers({
      desk,
      keeper,
      catalog,
      engine,
      host,
      home,
      version: packageFile.version,
      kdfCost,
    });
    const dispatch = createDispatch(handlers, ports);
    const metrics = (): ReturnType<typeof metricFamilies> =>
      metricFamilies({ desk, catalog, tally, version: packageFile.version });
    const startsMonitor = (): (() => void) => monitorOf(desk, tally, ports, every);
    const isAtWork = (): boolean => desk.jobs.open().length > 0;
    const memory = new MemoryKeeper({ after: afterDelay, every, isAtWork });
    const parts = { dispatch, log, notices, startsAgent, startsMonitor, status, keeper, memory, catalog, metrics };
    return serviceOf(desk, lock, host, parts);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function noticesOf(desk: Desk, host: EngineHost): Notices {
  return new Notices({
    settings: () => desk.settings.state,
    nameOf: (setId) => desk.sets.nameOf(setId),
    runs: (limit) => desk.runs.list(null, limit),
    notify: (notice) => host.notify(notice),
  });
}

function monitorOf(desk: Desk, tally: Tally, { clock }: Ports, every: Every): () => void {
  return startMonitor({
    ...{ clock, every, figure: tally.note, jobs: desk.jobs },
    destinations: () => desk.destinations.statuses(),
    noted: () => desk.tell({ kind: 'changed', topic: 'metrics', destinationId: null }),
  });
}

function agentOf(
  desk: Desk,
  notices: Notices,
  { home, host, every = everyInterval, watchTimes }: ServiceOptions,
  ports: Ports,
): Agent {
  return startAgent({
    ...{ desk, ports, every, after: afterDelay, timeZone: systemTimeZone },
    probes: systemProbes(host.probes === undefined ? {} : { host: host.probes }),
    alarm: (record, alarm) => notices.silent(record.name, alarm),
    watch: watchingOf({ home, ports, after: afterDelay, ...(watchTimes === undefined ? {} : { times: watchTimes }) }),
  });
}

/** A person may have switched it on or off in the system's own settings. */
async function followLoginItem(desk: Desk, { startsAtLogin }: EngineHost): Promise<void> {
  if (startsAtLogin === undefined || startsAtLogin === desk.settings.state.startAtLogin) return;
  await desk.settings.change((before) => ({ ...before, startAtLogin: startsAtLogin }));
}

type Serving = {
  readonly dispatch: ReturnType<typeof createDispatch>;
  readonly log: Log;
  readonly notices: Notices;
  /** Called when everything listens: what it tells first must not be missed. */
  readonly startsAgent: () => Agent | undefined;
  readonly startsMonitor: () => () => void;
  readonly status: StatusFile;
  readonly keeper: CatalogKeeper;
  readonly memory: MemoryKeeper;
  readonly catalog: Catalog;
  readonly metrics: OpenService['metrics'];
};

function serviceOf(
  desk: Desk,
  lock: HomeLock,
  host: EngineHost,
  { dispatch, log, notices, startsAgent, startsMonitor, status, keeper, memory, catalog, metrics }: Serving,
): OpenService {
  const clients = new Set<() => void>();
  const stopTelling = desk.listen((event) => {
    tellHost(desk, host, event);
    memory.heard(event);
    if (event.kind === 'job' && event.job.kind !== 'restore-plan') notices.job(event.job);
    keeper.heard(event);
    if (event.kind === 'overview') status.show(event.overview, titlesOf(desk));
  });
  const agent = startsAgent();
  const stopMonitor = startsMonitor();
  host.showTheme?.(desk.settings.state.theme);
  const looked = (): void => {
    desk.look().catch((error: unknown) => log('error', 'looking at destinations failed', { error }));
  };
  host.onPower((event) => {
    if (event !== 'resume') return;
    looked();
    agent?.resumed();
  });
  looked();
  return {
    desk,
    lock,
    metrics,
    serveConnection: (port: MessagePortLike) => {
      if (clients.size >= CLIENTS_MAX) return port.close();
      const { proofs } = port;
      const guard = proofs && new PasswordGuard(proofs, (id) => desk.destinations.record(id).encrypted);
      const close = serveClient(port, {
        version: packageFile.version,
        dispatch: (call) => dispatch(call, guard),
        listen: (listener) => desk.listen(listener),
        onClosed: () => void clients.delete(close),
      });
      clients.add(close);
    },
    activities: () => titlesOf(desk).map((title) => ({ title })),
    close: async () => {
      stopTelling();
      stopMonitor();
      memory.close();
      await agent?.close();
      await keeper.close();
      await desk.close();
      await catalog.close();
      await status.close();
      for (const close of [...clients]) close();
      await lock.release();
    },
  };
}

const WORDS: Readonly<Record<JobKind, string>> = {
  backup: 'Backing up',
  verify: 'Verifying',
  restore: 'Restoring',
  'restore-plan': 'Planning a restore',
  undo: 'Taking a restore back',
};

function titlesOf(desk: Desk): readonly string[] {
  return desk.jobs.open().map((job) => titleOf(job, desk));
}

function titleOf({ kind, setId }: Job, desk: Desk): Activity['title'] {
  const name = setId === null ? undefined : desk.sets.nameOf(setId);
  return name === undefined ? WORDS[kind] : `${WORDS[kind]} “${name}”`;
}

/** The tray and the theme, from the same events that the window gets. */
function tellHost(desk: Desk, host: EngineHost, event: EngineEvent): void {
  if (event.kind === 'overview') {
    const [running] = desk.jobs.open();
    const title = running === undefined ? undefined : titleOf(running, desk);
    host.showStatus(hostStatus(event.overview, title, Date.parse(desk.nowText())));
  }
  if (event.kind === 'changed' && event.topic === 'settings') host.showTheme?.(desk.settings.state.theme);
}
