/**
 * Sleep and shutdown. The engine is told before the system sleeps and after; while it works, the system does not fall
 * asleep by itself (closing the lid still wins).
 */
import { powerMonitor, powerSaveBlocker } from 'electron';

import type { HostState, PowerEvent } from '../engine-host/port.ts';
import type { QuitGuard } from './policy/quit.ts';

export function forwardPowerEvents(tell: (event: PowerEvent) => void, guard: QuitGuard): void {
  powerMonitor.on('suspend', () => tell('suspend'));
  powerMonitor.on('resume', () => tell('resume'));
  // Electron's types leave the event out, which is what asks the system to wait for us.
  powerMonitor.on('shutdown', (event?: { readonly preventDefault: () => void }) => {
    event?.preventDefault();
    tell('shutdown');
    guard.request('system').catch((error: unknown) => {
      throw error; // To the defect handlers.
    });
  });
}

export class StayAwake {
  #blocker: number | undefined;

  follow(state: HostState): void {
    const isWorking = state === 'working';
    if (isWorking && this.#blocker === undefined) this.#blocker = powerSaveBlocker.start('prevent-app-suspension');
    if (!isWorking && this.#blocker !== undefined) {
      powerSaveBlocker.stop(this.#blocker);
      this.#blocker = undefined;
    }
  }
}
