/**
 * The start-up self-test: every building block that data depends on is called on a known answer. A library that
 * loads but computes something else (a wrong build, a broken processor, a runtime without zstd) is found before the
 * first byte of a backup and not at the restore.
 *
 * The answers are published test vectors where such exist (RFC 5869, 7914 and 8032, NIST’s GCM vectors, BLAKE3’s own)
 * and otherwise bytes made once by another implementation.
 */
import { createCipheriv, createDecipheriv, hkdfSync, scryptSync } from 'node:crypto';
import { createRequire } from 'node:module';

import type Database from 'better-sqlite3';

import { CairnError } from '../../../src-shared/errors.ts';
import { fromHex, systemClock, toHex, utf8 } from '../kernel/index.ts';
import { chunkAll, CHUNKING, createChunker } from './chunk.ts';
import { compress, currentZstdProvider, decompress } from './compress.ts';
import { createHasher, createKeyedHasher, hash } from './hash.ts';
import { COMPRESSION } from './seal-layout.ts';
import { createSigner, verifySignature } from './sign.ts';

export type SelfTestResult = {
  readonly name: string;
  readonly ok: boolean;
  /** Why it failed, or how long it took. */
  readonly detail: string;
  readonly version: string;
};

export type SelfTestOptions = {
  /** Also loads SQLite, which only the catalog needs; for “cairn doctor” and the app’s start. */
  readonly full: boolean;
};

type Check = { readonly name: string; readonly version: () => string; readonly run: () => void };

class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

function expectHex(actual: Uint8Array, expected: string): void {
  if (toHex(actual) !== expected)
    throw new WrongAnswer(`${toHex(actual).slice(0, 32)}… instead of ${expected.slice(0, 32)}…`);
}

function expectTrue(condition: boolean, otherwise: string): void {
  if (!condition) throw new WrongAnswer(otherwise);
}

const SAMPLE_TEXT = utf8('Cairn keeps its promises. '.repeat(8));

/** Fixed bytes that don’t compress: an AES-CTR key stream of zeros. */
function noise(length: number): Uint8Array {
  return createCipheriv('aes-256-ctr', new Uint8Array(32), new Uint8Array(16)).update(new Uint8Array(length));
}

function zstd(): void {
  expectHex(decompress(COMPRESSION.zstd, fromHex(ANSWERS.zstdFrame), SAMPLE_TEXT.length), toHex(SAMPLE_TEXT));
  const dictionary = noise(8192);
  const changed = dictionary.slice();
  changed.set(utf8('changed'), 4000);
  const delta = compress({ kind: 'zstd', level: 3 }, changed, dictionary);
  expectTrue(
    delta.compression === COMPRESSION.zstd && delta.bytes.length < 256,
    `the dictionary was not used (${delta.bytes.length} bytes)`,
  );
  expectHex(decompress(COMPRESSION.zstd, delta.bytes, changed.length, dictionary), toHex(changed));
}

function roundTrip(kind: 'lz4' | 'gzip', knownBytes: string): void {
  const code = COMPRESSION[kind];
  expectHex(decompress(code, fromHex(knownBytes), SAMPLE_TEXT.length), toHex(SAMPLE_TEXT));
  const packed = compress(kind === 'gzip' ? { kind, level: 6 } : { kind }, SAMPLE_TEXT);
  expectTrue(packed.compression === code, 'a text was not compressed');
  expectHex(decompress(code, packed.bytes, SAMPLE_TEXT.length), toHex(SAMPLE_TEXT));
}

function blake3(): void {
  expectHex(hash(new Uint8Array(0)), ANSWERS.blake3Empty);
  const keyed = createKeyedHasher(utf8('whats the Elvish word for friend'));
  expectHex(keyed.digest(), ANSWERS.blake3KeyedEmpty);
  // A second time, because hashers are reused, and over more than one of BLAKE3’s 1 KiB chunks.
  keyed.update(Uint8Array.from({ length: 2048 }, (_, index) => index % 251));
  expectHex(keyed.digest(), ANSWERS.blake3Keyed2048);
  // Short inputs go another way than long ones (hash-small.ts); both must lead to the same place.
  const native = createHasher();
  for (const length of [1, 64, 65, 1024]) {
    const input = Uint8Array.from({ length }, (_, index) => index % 251);
    native.update(input);
    expectHex(hash(input), toHex(native.digest()));
  }
}

function aesGcm(): void {
  const [key, nonce] = [new Uint8Array(32), new Uint8Array(12)];
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  expectHex(cipher.update(new Uint8Array(16)), ANSWERS.aesGcmBlock);
  cipher.final();
  const tag = cipher.getAuthTag();
  expectHex(tag, ANSWERS.aesGcmTag);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(Buffer.from(tag.map((byte, index) => (index === 0 ? byte ^ 1 : byte))));
  decipher.update(fromHex(ANSWERS.aesGcmBlock));
  let refused = false;
  try {
    decipher.final();
  } catch {
    refused = true;
  }
  expectTrue(refused, 'a changed tag was accepted');
}

function hkdf(): void {
  const info = fromHex('f0f1f2f3f4f5f6f7f8f9');
  const key = hkdfSync('sha256', new Uint8Array(22).fill(0x0b), fromHex('000102030405060708090a0b0c'), info, 42);
  expectHex(new Uint8Array(key), ANSWERS.hkdf);
}

function scrypt(): void {
  expectHex(scryptSync('', '', 64, { N: 16, r: 1, p: 1 }), ANSWERS.scrypt);
}

function ed25519(): void {
  const signer = createSigner(fromHex(ANSWERS.ed25519Seed));
  expectHex(signer.publicKey, ANSWERS.ed25519PublicKey);
  const signature = signer.sign(new Uint8Array(0));
  expectHex(signature, ANSWERS.ed25519Signature);
  expectTrue(verifySignature(signer.publicKey, new Uint8Array(0), signature), 'a good signature was refused');
  expectTrue(
    !verifySignature(signer.publicKey, Uint8Array.of(0), signature),
    'a signature of other bytes was accepted',
  );
}

function chunker(): void {
  const lengths = chunkAll(createChunker(new Uint8Array(32).fill(7), CHUNKING.fine), noise(200_000));
  expectTrue(lengths.join() === ANSWERS.chunkLengths, `cut into ${lengths.join()}`);
}

function sqlite(): void {
  const SqliteDatabase = loadNative('better-sqlite3') as typeof Database;
  const database = new SqliteDatabase(':memory:');
  try {
    database.exec('CREATE TABLE entry (name TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID');
    database.prepare('INSERT INTO entry VALUES (?, ?)').run('stone', Buffer.from([0, 1, 255]));
    const row = database.prepare('SELECT hex(content) AS content FROM entry WHERE name = ?').get('stone') as
      { content: string } | undefined;
    expectTrue(row?.content === '0001FF', 'a row came back changed');
  } finally {
    database.close();
  }
}

const loadNative = createRequire(import.meta.url);

/** Version of an installed package, for the report only. */
function packageVersion(name: string): string {
  try {
    const manifest: unknown = loadNative(`${name}/package.json`);
    return typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : 'unknown';
  } catch {
    return 'unknown'; // A bundle has no manifests; the check itself doesn’t depend on it.
  }
}

function runtimeVersion(part: string): string {
  return process.versions[part] ?? 'unknown';
}

const CHECKS: readonly Check[] = [
  { name: 'zstd', version: () => `${currentZstdProvider().name} ${runtimeVersion('zstd')}`, run: zstd },
  { name: 'lz4', version: () => packageVersion('lz4'), run: () => roundTrip('lz4', ANSWERS.lz4Block) },
  { name: 'gzip', version: () => runtimeVersion('zlib'), run: () => roundTrip('gzip', ANSWERS.gzipFile) },
  { name: 'BLAKE3', version: () => packageVersion('blake3'), run: blake3 },
  { name: 'AES-256-GCM', version: () => runtimeVersion('openssl'), run: aesGcm },
  { name: 'HKDF-SHA-256', version: () => runtimeVersion('openssl'), run: hkdf },
  { name: 'scrypt', version: () => runtimeVersion('openssl'), run: scrypt },
  { name: 'Ed25519', version: () => runtimeVersion('openssl'), run: ed25519 },
  { name: 'chunker', version: () => `WebAssembly, V8 ${runtimeVersion('v8')}`, run: chunker },
];
const FULL_CHECKS: readonly Check[] = [
  { name: 'SQLite', version: () => packageVersion('better-sqlite3'), run: sqlite },
];

function runCheck(check: Check): SelfTestResult {
  const startedMs = systemClock.monotonicMs();
  let version = 'missing';
  try {
    version = check.version();
    check.run();
    return { name: check.name, ok: true, detail: `${(systemClock.monotonicMs() - startedMs).toFixed(1)} ms`, version };
  } catch (error) {
    // A result and not a swallowed failure: assertSelfTest turns it into the error, “cairn doctor” prints it.
    return {
      name: check.name,
      ok: false,
      detail: error instanceof Error ? error.message : 'it threw no error',
      version,
    };
  }
}

/** Runs every check and reports each; never throws. About 10 ms, and some more for SQLite in full mode. */
export function runSelfTest(options: SelfTestOptions = { full: false }): SelfTestResult[] {
  return [...CHECKS, ...(options.full ? FULL_CHECKS : [])].map(runCheck);
}

/** Throws engine/self-test naming what failed. To be called before a repository is opened. */
export function assertSelfTest(options: SelfTestOptions = { full: false }): void {
  const failed = runSelfTest(options).filter((result) => !result.ok);
  if (failed.length === 0) return;
  const parts = failed.map(({ name, version, detail }) => `${name} (${version}): ${detail}`);
  throw new CairnError('engine/self-test', `the self-test failed: ${parts.join('; ')}`);
}

const ANSWERS = {
  zstdFrame: '28b52ffd20d00d0100d0436169726e206b65657073206974732070726f6d697365732e200100ce9a9a63',
  lz4Block: 'd0000000ff0b436169726e206b65657073206974732070726f6d697365732e201a009e507365732e20',
  gzipFile: '1f8b0800000000000203734ecc2cca53c84e4d2d2856c82c29562828cacfcd2c4e2dd653701e9232008329e0bfd0000000',
  blake3Empty: 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
  blake3KeyedEmpty: '92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26',
  blake3Keyed2048: '879cf1fa2ea0e79126cb1063617a05b6ad9d0b696d0d757cf053439f60a99dd1',
  aesGcmBlock: 'cea7403d4d606b6e074ec5d3baf39d18',
  aesGcmTag: 'd0d1c8a799996bf0265b98b5d48ab919',
  hkdf: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  scrypt:
    '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442' +
    'fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
  ed25519Seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  ed25519PublicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  ed25519Signature:
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555' +
    'fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  chunkLengths: '72675,127325',
} as const;
