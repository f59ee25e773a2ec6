/** What everything stands on: byte cursors, paths, an id table, bounded concurrency, and the ports a host gives. */
export { type After, afterDelay } from './after.ts';
export { ByteReader, ByteWriter, compareBytes, concatBytes, equalBytes, fromHex, toHex, utf8 } from './bytes.ts';
export { IdTable } from './id-table.ts';
export { mapBounded } from './bounded.ts';
export { findByName } from './find-by-name.ts';
export { giveBack, giveBackFreed } from './memory.ts';
export { type ForeignFunction, type Koffi, codeOfErrno, loadKoffi } from './native.ts';
export { baseNameOf, bytesOf, joinPath, parentOf, pathWithin } from './paths.ts';
export {
  type Clock,
  type Log,
  type LogLevel,
  type Ports,
  type Random,
  silentLog,
  systemClock,
  systemPorts,
  systemRandom,
} from './ports.ts';
export { RateBucket, type RateLimit } from './rate-bucket.ts';
export { RecordReader } from './record-reader.ts';
export { Breather } from './breathe.ts';
export { workerUrl } from './worker-url.ts';
