'use strict';
/**
 * One set-up at a time: a lock file with the name of its holder. The holder may be killed at any moment, so a waiter
 * takes over a lock whose process is gone, or, where that cannot be told (another machine on the same folder), one
 * that is older than any installation takes.
 *
 * Synchronous and of 2015, like run.cjs, which has nothing else to do while it waits.
 */
const fs = require('fs');
const os = require('os');
const path = require('path');

/** Between two looks at a lock that someone else holds. */
const POLL_MS = 100;
/** The slowest `npm ci` seen took under two minutes; after this long the holder is taken for dead. */
const LOCK_AGE_MS_MAX = 20 * 60 * 1000;
/** How long to wait before telling the user that we are waiting. */
const NOTICE_AFTER_MS = 2000;

/** Blocks this process. Where an old Node has no Atomics the waiting costs processor time, and nothing else. */
function sleep(milliseconds) {
  if (typeof Atomics === 'object' && typeof SharedArrayBuffer === 'function') {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
    return;
  }
  const end = Date.now() + milliseconds;
  for (let now = Date.now(); now < end; now = Date.now());
}

/** mkdir -p for a Node that does not know `recursive`. */
function makeFolder(folder) {
  if (fs.existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    fs.mkdirSync(folder);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

/** The text that says who holds a lock. The random part tells two locks of one process number apart. */
function holderText() {
  return os.hostname() + '\n' + process.pid + '\n' + Math.random() + '\n';
}

function isAlive(processId) {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return error.code === 'EPERM';
  }
}

function read(file) {
  try {
    return { text: fs.readFileSync(file, 'utf8'), mtimeMs: fs.statSync(file).mtime.getTime() };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAbandoned(lock) {
  if (Date.now() - lock.mtimeMs > LOCK_AGE_MS_MAX) return true;
  const lines = lock.text.split('\n');
  return lines.length > 2 && lines[0] === os.hostname() && !isAlive(Number(lines[1]));
}

/** Makes the lock unless there is one. One that is still without its text belongs to someone who is just making it. */
function tryTake(file, text) {
  try {
    fs.writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Moves an abandoned lock out of the way. Two waiters may try this at once, and the slower one would then move away
 * the lock that the faster one has just made: so it looks at what it moved, and puts back what it did not mean.
 */
function removeAbandoned(file, lock) {
  const aside = file + '.' + process.pid;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  const moved = fs.readFileSync(aside, 'utf8');
  if (moved !== lock.text) tryTake(file, moved);
  fs.unlinkSync(aside);
}

/** Runs `work` while holding the lock `file`, waiting for it as long as its holder lives. Returns what `work` returns. */
function whileHolding(file, work) {
  const text = holderText();
  const startedAt = Date.now();
  let told = false;
  while (!tryTake(file, text)) {
    const lock = read(file);
    if (lock !== undefined && isAbandoned(lock)) {
      removeAbandoned(file, lock);
    } else {
      if (!told && Date.now() - startedAt > NOTICE_AFTER_MS) {
        told = true;
        process.stderr.write('Waiting for another Cairn command that is still setting up.\n');
      }
      sleep(POLL_MS);
    }
  }
  // On every way out: `work` ends the process itself when a step fails.
  const release = () => {
    const lock = read(file);
    if (lock !== undefined && lock.text === text) fs.unlinkSync(file);
  };
  process.once('exit', release);
  try {
    return work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

module.exports = { makeFolder: makeFolder, whileHolding: whileHolding };
