/**
 * The parts of the app and how they are connected: the window asks, the engine answers, the tray shows how things
 * stand, and the guard decides about the end. Made once, when Electron is ready.
 */
import { app } from 'electron';

import type { LogFile } from '../cli/log.ts';
import { systemRandom } from '../engine/kernel/index.ts';
import type { HostStatus, Notice } from '../engine-host/port.ts';
import { bridgeHandlers } from './bridge-handlers.ts';
import { EngineProcess } from './engine-process.ts';
import { Folders } from './folders.ts';
import { answerBridge } from './ipc.ts';
import { setApplicationMenu } from './menu.ts';
import { BACKGROUND_NOTICE, notify } from './notifications.ts';
import { ENGINE_ENTRY, PRELOAD, secretsFile } from './places.ts';
import { FolderHandles } from './policy/folder-handles.ts';
import { QuitGuard } from './policy/quit.ts';
import type { Timers } from './policy/supervisor.ts';
import { ENGINE_STOPPED, RUNNING } from './policy/tray.ts';
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
  readonly #handles = new FolderHandles(systemRandom.bytes);
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
    const engine = this.#engine;
    answerBridge({
      ownContents: () => this.window.contentsIds(),
      log: (message, fields) => options.log.write('warn', message, fields),
      handlers: bridgeHandlers({
        engine,
        memory: options.memory,
        window: () => this.window.current,
        folders: new Folders(this.#handles, (handle, path) => engine.tellFolder(handle, path)),
      }),
    });
  }

  start(): void {
    this.#engine.start();
  }

  #makeEngine(): EngineProcess {
    return new EngineProcess({
      entry: ENGINE_ENTRY,
      secrets: systemKeychain(secretsFile()),
      folders: () => this.#handles.all(),
      timers: this.#options.timers,
      log: this.#options.log.write,
      onReady: () => this.#showStatus(RUNNING),
      onStatus: (status) => this.#showStatus(status),
      onNotice: (notice) => this.#notify(notice),
      onCrash: () => {
        this.window.tellLinesBroke();
        this.#showStatus(ENGINE_STOPPED);
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
