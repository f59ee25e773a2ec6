/** Where the app finds its own parts, and where it keeps its own files. */
import path from 'node:path';
import { app } from 'electron';

/** The bundles lie side by side below out/, in a checkout and in the package alike. */
const mainFolder = import.meta.dirname;

export const ENGINE_ENTRY = path.join(mainFolder, 'engine-host.js');
export const PRELOAD = path.join(mainFolder, '../preload/preload.cjs');
export const PAGE_FOLDER = path.join(mainFolder, '../renderer');

/** Known once the command line has been read, so not earlier than asked for. */
export const shellStateFile = (): string => path.join(app.getPath('userData'), 'shell.json');
export const secretsFile = (): string => path.join(app.getPath('userData'), 'secrets.json');
