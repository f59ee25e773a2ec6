/** Loaded into a command line (`node --import`): adds a byte to a file for each thread it starts, before that one runs. */
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env['CAIRN_TEST_THREADS_FILE'];
if (isMainThread && file !== undefined) process.on('worker', () => appendFileSync(file, '.'));
