/**
 * The engine's service: the desk behind the contract, for any number of clients. Both hosts start it the same way and
 * differ only in what they can do for it (port.ts).
 */
import os from 'node:os';
import packageFile from '../../package.json' with { type: 'json' };
import { assertNever } from '../../src-shared/assert.ts';
import type { EngineEvent } from '../../src-shared/api/index.ts';
import type { Job, JobKind, Overview } from '../../src-shared/model/index.ts';
import { processClock } from '../cli/clock.ts';
import { homeFolder } from '../cli/home.ts';
import { type LogFile, openLog } from '../cli/log.ts';
import { type Desk, type DeskOptions, type Every, everyInterval, openDesk } from '../engine/desk/index.ts';
import { openEngine } from '../engine/index.ts';
import { type Log, systemPorts } from '../engine/kernel/index.ts';
import { serveClient } from './connection.ts';
import { createDispatch } from './dispatch.ts';
import { createHandlers } from './handlers.ts';
import { type HomeLock, lockHome } from './home-lock.ts';
import type { Activity, EngineHost, EngineService, HostStatus, MessagePortLike, StartService } from './port.ts';

/** Windows, tabs and scripts together. */
const CLIENTS_MAX = 32;

export type ServiceOptions = {
  readonly home: string;
  readonly log: Log;
  readonly host: EngineHost;
  /** Folders are browsed in the home folder and on drives only. */
  readonly confined: boolean;
  readonly userHome?: string;
  readonly every?: Every;
  /** Lowered by tests only. */
  readonly kdfCost?: number;
  /** Stood in for by tests: the drives of this computer. */
  readonly volumes?: DeskOptions['volumes'];
};

export type OpenService = EngineService & { readonly desk: Desk; readonly lock: HomeLock };

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
  const { home, log, host, confined, userHome = os.homedir(), every = everyInterval, kdfCost, volumes } = options;
  const ports = { ...systemPorts, log };
  const lock = await lockHome(home, ports);
  try {
    const engine = openEngine({ home, log });
    const desk = await openDesk({
      home,
      engine,
      ports,
      every,
      keychain: host.secrets,
      confined,
      userHome,
      hostName: os.hostname(),
      ...(kdfCost === undefined ? {} : { kdfCost }),
      ...(volumes === undefined ? {} : { volumes }),
    });
    await followLoginItem(desk, host);
    const handlers = createHandlers({ desk, engine, host, home, version: packageFile.version, kdfCost });
    return serviceOf(desk, lock, host, { dispatch: createDispatch(handlers, ports), log });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** A person may have switched it on or off in the system's own settings. */
async function followLoginItem(desk: Desk, { startsAtLogin }: EngineHost): Promise<void> {
  if (startsAtLogin === undefined || startsAtLogin === desk.settings.state.startAtLogin) return;
  await desk.settings.change((before) => ({ ...before, startAtLogin: startsAtLogin }));
}

type Serving = { readonly dispatch: ReturnType<typeof createDispatch>; readonly log: Log };

function serviceOf(desk: Desk, lock: HomeLock, host: EngineHost, { dispatch, log }: Serving): OpenService {
  const clients = new Set<() => void>();
  const stopTelling = desk.listen((event) => tellHost(desk, host, event));
  host.showTheme?.(desk.settings.state.theme);
  const looked = (): void => {
    desk.look().catch((error: unknown) => log('error', 'looking at destinations failed', { error }));
  };
  host.onPower((event) => {
    if (event === 'resume') looked();
  });
  looked();
  return {
    desk,
    lock,
    serveConnection: (port: MessagePortLike) => {
      if (clients.size >= CLIENTS_MAX) return port.close();
      const close = serveClient(port, {
        version: packageFile.version,
        dispatch,
        listen: (listener) => desk.listen(listener),
        onClosed: () => void clients.delete(close),
      });
      clients.add(close);
    },
    activities: () => desk.jobs.open().map((job) => ({ title: titleOf(job, desk) })),
    close: async () => {
      stopTelling();
      await desk.close();
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

function titleOf({ kind, setId }: Job, desk: Desk): Activity['title'] {
  const name = setId === null ? undefined : desk.sets.nameOf(setId);
  return name === undefined ? WORDS[kind] : `${WORDS[kind]} “${name}”`;
}

/** The tray and the notifications, from the same events that the window gets. */
function tellHost(desk: Desk, host: EngineHost, event: EngineEvent): void {
  if (event.kind === 'overview') host.showStatus(statusOf(desk, event.overview));
  if (event.kind === 'changed' && event.topic === 'settings') host.showTheme?.(desk.settings.state.theme);
  if (event.kind !== 'job' || event.job.kind === 'restore-plan') return;
  const { job } = event;
  const { notifyFailures, notifySuccesses } = desk.settings.state;
  const title = titleOf(job, desk);
  if (job.state === 'failed' && job.error !== null && notifyFailures)
    host.notify({ title: `${title}: failed`, body: `${job.error.message} ${job.error.hint}` });
  if (job.state === 'done' && notifySuccesses) host.notify({ title: `${title}: done`, body: '' });
}

function statusOf(desk: Desk, { verdict }: Overview): HostStatus {
  const [running] = desk.jobs.open();
  if (running !== undefined) return { state: 'working', text: titleOf(running, desk) };
  switch (verdict.level) {
    case 'empty':
      return { state: 'idle', text: 'Nothing is backed up yet' };
    case 'good':
      return { state: 'idle', text: 'Everything is backed up' };
    case 'attention':
      return { state: 'attention', text: 'A backup needs attention' };
    case 'bad':
      return { state: 'problem', text: 'Data is at risk' };
    default:
      return assertNever(verdict.level);
  }
}
