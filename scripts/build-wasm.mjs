/**
 * Compiles src-main/engine/codec/chunk.assembly.ts into chunk-wasm.ts beside it. The result is committed, so that
 * running Cairn needs no compiler. `--check` compiles and compares only, and fails when the two differ.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import asc from 'assemblyscript/asc';

const SOURCE = 'chunk.assembly.ts';
const folder = join(import.meta.dirname, '../src-main/engine/codec');
const target = join(folder, 'chunk-wasm.ts');

/** Page 0 for the gear table and 128 pages (8 MiB) for the buffer; fixed, so that views of it never detach. */
const PAGES = '129';
const BYTES_MAX = 4096;
const LINE_CHARACTERS = 100;

async function compile() {
  let wasm;
  const source = readFileSync(join(folder, SOURCE), 'utf8');
  const { error, stderr } = await asc.main(
    [
      SOURCE,
      '--outFile',
      'chunk.wasm',
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
      '--initialMemory',
      PAGES,
      '--maximumMemory',
      PAGES,
    ],
    {
      readFile: (name) => (name === SOURCE ? source : null),
      writeFile: (name, contents) => {
        if (name === 'chunk.wasm') wasm = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || !wasm) throw new Error(`the chunker does not compile: ${error?.message ?? ''}\n${stderr.toString()}`);
  if (wasm.length > BYTES_MAX)
    throw new Error(`the chunker has ${wasm.length} bytes, at most ${BYTES_MAX} are expected`);
  return wasm;
}

function moduleText(wasm) {
  const base64 = Buffer.from(wasm).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')).map((line) => `  '${line}'`);
  return [
    '/** Compiled from chunk.assembly.ts by scripts/build-wasm.mjs; never edited by hand. */',
    'export const CHUNK_WASM_BASE64 =',
    `${lines.join(' +\n')};`,
    '',
  ].join('\n');
}

const text = moduleText(await compile());
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('chunk-wasm.ts is not what chunk.assembly.ts compiles to: run node scripts/build-wasm.mjs');
    process.exitCode = 1;
  }
} else {
  writeFileSync(target, text);
}
