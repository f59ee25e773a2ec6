import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { CHUNK_WASM_BASE64 } from '../../../src-main/engine/codec/chunk-wasm.ts';

test('the committed WebAssembly is what its source compiles to', () => {
  const script = fileURLToPath(new URL('../../../scripts/build-wasm.mjs', import.meta.url));
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
});

test('the committed WebAssembly is small enough to be read by a person', () => {
  expect(Buffer.from(CHUNK_WASM_BASE64, 'base64').length).toBeLessThan(4096);
});
