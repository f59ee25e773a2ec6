/**
 * What must never happen, and does. A defect in the main process ends the app with a word to the user: what it knows of
 * the world may be wrong from here on. The engine notices that its parent is gone and ends as after a crash, which
 * loses nothing. Processes of Chromium's own that end are noted; it starts them again by itself.
 */
import { app, crashReporter, dialog } from 'electron';

const DEFECT_EXIT_STATUS = 70;

export type DefectLog = {
  readonly note: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Resolves when everything noted is on disk. */
  readonly settled: () => Promise<void>;
};

/** Returns what a part that found a defect by itself calls with it. */
export function watchForDefects(log: DefectLog): (error: unknown) => void {
  // Dumps stay on this computer.
  crashReporter.start({ uploadToServer: false });
  const end = (error: unknown): void => {
    log.note('a defect of the app', { error });
    if (app.isReady())
      dialog.showErrorBox('Cairn has to close', 'It met a defect of its own. Your backups are not affected.');
    const exit = (): void => app.exit(DEFECT_EXIT_STATUS);
    log.settled().then(exit, exit);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
  app.on('child-process-gone', (_event, details) => {
    if (details.reason !== 'clean-exit') log.note('a process of the app is gone', { ...details });
  });
  return end;
}
