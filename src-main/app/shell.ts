/**
 * The parts of the app and how they are connected: the window asks, the engine answers, the tray shows how things
 * stand, and the guard decides about the end. Made once, when Electron is ready.
 */
import { app, nativeTheme } from 'electron';

import type { LogFile } from '../cli/log.ts';
import type { HostStatus, Notice } from '../engine-host/port.ts';
import { bridgeHandlers } from './bridge-handlers.ts';
import { Desktop } from './desktop.ts';
import { EngineProcess } from './engine-process.ts';
import { answerBridge } from './ipc.ts';
import { setApplicationMenu } from './menu.ts';
import { BACKGROUND_NOTICE, notify } from './notifications.ts';
import { ENGINE_ENTRY, PRELOAD, secretsFile } from './places.ts';
import { QuitGuard } from './policy/quit.ts';
import type { Timers } from './policy/supervisor.ts';
import { ENGINE_STOPPED } from './policy/tray.ts';
import { StayAwake, forwardPowerEvents } from './power.ts';
import { askBeforeQuitting } from './quit-dialog.ts';
import { quitOnlyThrough } from './quit-paths.ts';
import type { ShellMemory } from './shell-memory.ts';
import { systemKeychain } from './system-keychain.ts';
import { Tray } from './tray.ts';
import { MainWindow } from './window.ts';

export type ShellOptions = { readonly log: LogFile; readonly memory: ShellMemory; readonly timers: Timers };

export class Shell {
  readonly #options: ShellOptions;
  readonly #awake = new StayAwake();
  readonly #tray: Tray;
  readonly #engine: EngineProcess;
  readonly #guard: QuitGuard;
  readonly window: MainWindow;

  constructor(options: ShellOptions) {
    this.#options = options;
    const quit = (): void => app.quit();
    this.#tray = new Tray((action) => (action === 'open' ? this.window.show() : quit()));
    this.#engine = this.#makeEngine();
    this.window = this.#makeWindow();
    this.#guard = this.#makeGuard();
    quitOnlyThrough(this.#guard);
    setApplicationMenu(quit);
    forwardPowerEvents((event) => this.#engine.tellPower(event), this.#guard);
    answerBridge({
      ownContents: () => this.window.contentsIds(),
      log: (message, fields) => options.log.write('warn', message, fields),
      handlers: bridgeHandlers(this.#engine),
    });
  }

  start(): void {
    this.#engine.start();
  }

  #makeEngine(): EngineProcess {
    return new EngineProcess({
      entry: ENGINE_ENTRY,
      desktop: new Desktop(systemKeychain(secretsFile()), () => this.window.current),
      timers: this.#options.timers,
      log: this.#options.log.write,
      // How things stand it says itself, maybe before it says that it is ready.
      onReady: () => undefined,
      onStatus: (status) => this.#showStatus(status),
      onNotice: (notice) => this.#notify(notice),
      onTheme: (theme) => {
        nativeTheme.themeSource = theme;
        // For the next start, before the engine is there to say it.
        this.#options.memory.remember({ theme });
      },
      onCrash: () => {
        this.window.tellLinesBroke();
        this.#showStatus(ENGINE_STOPPED);
      },
      onRefused: ({ message, hint }) => {
        this.#showStatus({ state: 'problem', text: message });
        // An open window says it itself.
        if (this.window.current === undefined) this.#notify({ title: 'Cairn can’t start', body: `${message} ${hint}` });
      },
    });
  }

  #makeWindow(): MainWindow {
    const { log, memory, timers } = this.#options;
    return new MainWindow({
      preload: PRELOAD,
      state: () => memory.state,
      remember: (change) => memory.remember(change),
      nowMs: timers.nowMs,
      log: (message, fields) => log.write('warn', message, fields),
      onClosed: () => {
        if (memory.state.wasBackgroundExplained || this.#guard.isEnding) return;
        memory.remember({ wasBackgroundExplained: true });
        this.#notify(BACKGROUND_NOTICE);
      },
    });
  }

  #makeGuard(): QuitGuard {
    return new QuitGuard({
      askActivities: () => this.#engine.activities(),
      ask: (question) => askBeforeQuitting(this.window.current, question),
      hideWindow: () => this.window.close(),
      stopEngine: () => this.#engine.stop(),
      exit: () => this.#exit(),
    });
  }

  /** What is to be remembered is on disk before the process is gone. */
  #exit(): void {
    this.window.rememberPlace();
    const exit = (): void => app.exit(0);
    Promise.allSettled([this.#options.memory.settled(), this.#options.log.close()]).then(exit, exit);
  }

  #showStatus(status: HostStatus): void {
    this.#tray.show(status);
    this.#awake.follow(status.state);
  }

  #notify(notice: Notice): void {
    notify(notice, () => this.window.show());
  }
}
