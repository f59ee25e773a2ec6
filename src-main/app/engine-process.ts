/**
 * The engine's process as the rest of the app sees it: always there, or soon to be. Lines for windows, questions, and
 * whatever the engine wants from the desktop all pass here; the supervisor decides about starting and ending.
 */
import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';

import { assertNever } from '../../src-shared/assert.ts';
import type { WireError } from '../../src-shared/errors.ts';
import type { ServerMessage } from '../../src-shared/api/contract.ts';
import { type ToEngineFrame, parseToMainFrame } from '../engine-host/frames.ts';
import type { HostStatus, Notice, PowerEvent, Theme } from '../engine-host/port.ts';
import type { Desktop } from './desktop.ts';
import type { RunningActivities } from './policy/quit.ts';
import { type Supervised, type SupervisedEvents, Supervisor, type Timers } from './policy/supervisor.ts';

/** The name under which the process stands in the system's task list. */
const ENGINE_NAME = 'Cairn Engine';
/** A page waits this long for a line before it says that the engine does not start. */
const CONNECT_WITHIN_MS = 60_000;
/** An engine that does not answer within this is not at work on something that can be asked about. */
const ANSWER_WITHIN_MS = 2000;
/** Crashes in a row before the user is told: one is repaired before anyone notices. */
const TELL_AFTER_CRASHES = 3;

export type EngineEvents = {
  /** A process answers, the first or a later one. */
  readonly onReady: () => void;
  readonly onStatus: (status: HostStatus) => void;
  readonly onNotice: (notice: Notice) => void;
  readonly onTheme: (theme: Theme) => void;
  readonly onCrash: () => void;
  /** It can't start until a person has seen to what it says. */
  readonly onRefused: (error: WireError) => void;
};

export type EngineProcessOptions = EngineEvents & {
  readonly entry: string;
  readonly desktop: Desktop;
  readonly timers: Timers;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>) => void;
};

/** What stands in the engine's way, in its own words. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly wire: WireError;

  constructor(wire: WireError) {
    super(wire.message);
    this.wire = wire;
  }
}

type Child = Supervised & { readonly send: (frame: ToEngineFrame, ports?: MessagePortMain[]) => void };

export class EngineProcess {
  readonly #options: EngineProcessOptions;
  readonly #supervisor: Supervisor<Child>;
  readonly #questions = new Map<number, (activities: RunningActivities) => void>();
  #lastQuestion = 0;

  constructor(options: EngineProcessOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor<Child>({
      timers: options.timers,
      start: (events) => this.#start(events),
      onCrash: ({ exitStatus, inARow }) => {
        options.log('error', 'the engine ended unasked', { exitStatus, inARow });
        options.onCrash();
        if (inARow === TELL_AFTER_CRASHES) {
          options.onNotice({
            title: 'Cairn’s engine keeps stopping',
            body: 'It is started again and again. See the log.',
          });
        }
      },
    });
  }

  start(): void {
    this.#supervisor.start();
  }

  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  /** The window's end of a new line. Where the engine can't start, that is the only thing said on it. */
  async connect(): Promise<MessagePortMain> {
    const found = await this.#supervisor.running(CONNECT_WITHIN_MS).catch((error: unknown) => {
      if (error instanceof RefusedError) return error;
      throw error;
    });
    const { port1, port2 } = new MessageChannelMain();
    if (found instanceof RefusedError)
      port1.postMessage({ kind: 'refused', error: found.wire } satisfies ServerMessage);
    else found.send({ type: 'port' }, [port1]);
    return port2;
  }

  tellPower(event: PowerEvent): void {
    this.#supervisor.current()?.send({ type: 'power', event });
  }

  /** An engine that is not up has nothing at work. */
  activities(): Promise<RunningActivities> {
    const child = this.#supervisor.current();
    if (child === undefined) return Promise.resolve([]);
    const request = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const settle = (activities: RunningActivities): void => {
        cancelTimer();
        this.#questions.delete(request);
        resolve(activities);
      };
      const cancelTimer = this.#options.timers.after(ANSWER_WITHIN_MS, () => settle('unknown'));
      this.#questions.set(request, settle);
      child.send({ type: 'ask-activities', request });
    });
  }

  #start(events: SupervisedEvents): Child {
    const engine = utilityProcess.fork(this.#options.entry, [], {
      serviceName: ENGINE_NAME,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const child = childOf(engine);
    engine.stderr?.setEncoding('utf8').on('data', (text) => this.#options.log('warn', 'the engine wrote', { text }));
    engine.on('message', (message: unknown) => {
      this.#receive(child, message, events).catch((error: unknown) => {
        this.#options.log('error', 'a frame of the engine was not understood', { error });
        child.kill();
      });
    });
    engine.once('exit', events.onExit);
    this.#options.desktop.beginning().then(child.send, (error: unknown) => {
      this.#options.log('error', 'the engine could not be told to begin', { error });
    });
    return child;
  }

  async #receive(child: Child, message: unknown, events: SupervisedEvents): Promise<void> {
    const frame = parseToMainFrame(message);
    switch (frame.type) {
      case 'ready':
        this.#options.onReady();
        return events.onReady();
      case 'refused':
        this.#options.log('warn', 'the engine can’t start', { ...frame.error });
        this.#options.onRefused(frame.error);
        return events.onRefused(new RefusedError(frame.error));
      case 'activities':
        return this.#questions.get(frame.request)?.(frame.activities);
      case 'status':
        return this.#options.onStatus({ state: frame.state, text: frame.text });
      case 'notice':
        return this.#options.onNotice({ title: frame.title, body: frame.body });
      case 'theme':
        return this.#options.onTheme(frame.theme);
      case 'secret-read':
      case 'secret-write':
      case 'secret-remove':
      case 'choose-folder':
      case 'reveal':
      case 'start-at-login':
        return child.send(await this.#options.desktop.answer(frame));
      default:
        return assertNever(frame);
    }
  }
}

function childOf(engine: UtilityProcess): Child {
  const send: Child['send'] = (frame, ports = []) => engine.postMessage(frame, ports);
  const kill = (): void => {
    // A process that hangs does not hear a polite signal, which is all that Electron's kill() sends.
    try {
      if (engine.pid === undefined) engine.kill();
      else process.kill(engine.pid, 'SIGKILL');
    } catch {
      // Gone already; its exit event is on the way.
    }
  };
  return { send, stop: () => send({ type: 'close' }), kill };
}
