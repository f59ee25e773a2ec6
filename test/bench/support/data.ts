/**
 * A data set like a folder of source trees, made at run time from a seed: the same seed and size give the same bytes
 * on every machine, and no text of anyone's is in it.
 *
 * What makes it like source: sizes are log-normal; every project has its own identifiers, every file uses a few of
 * them over and over; a twentieth of them are noise (pictures, archives) and some files are copies of others (vendored
 * code). With zstd 3 it packs a little worse than a tree of Python, which leaves 0.35 of the size file by file and 0.31 in
 * bundles of 1 MiB (JavaScript 0.24 and 0.19, mixed documentation 0.65 and 0.52; measured in 2026). describeDataSet says
 * where it came out.
 */
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

export type DataOptions = { readonly seed: number; readonly files: number; readonly bytes: number };
export type DataSet = { readonly files: number; readonly folders: number; readonly bytes: number };

/** Whole numbers below 2^32, fast (2 ns): Marsaglia's xorshift with 32 bits of state. */
export type Draw = () => number;

export function createDraw(seed: number): Draw {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const DRAW_RANGE = 2 ** 32;
export const share = (draw: Draw): number => draw() / DRAW_RANGE;
/** Below `count` (at most 2^16); the first ones often, the last ones rarely, as words are used. */
export const skewed = (draw: Draw, count: number): number => ((SKEW[draw() >>> 16] ?? 0) * count) >>> 16;
/** The cube of every share of 2^16: a table is a third of the cost of a power. */
const SKEW = Uint16Array.from({ length: 2 ** 16 }, (_, index) => Math.floor(index ** 3 / 2 ** 32));

// ------------------------------------------------------------------------------------------------------------ words

/** Many short texts in one run of bytes: copying from it is what making text costs. */
type Words = { readonly bytes: Uint8Array; readonly starts: Uint32Array; readonly count: number };

function packWords(texts: readonly string[]): Words {
  const starts = new Uint32Array(texts.length + 1);
  texts.forEach((text, index) => (starts[index + 1] = (starts[index] ?? 0) + text.length));
  return { bytes: Uint8Array.from(Buffer.from(texts.join(''), 'latin1')), starts, count: texts.length };
}

const CONSONANTS = 'bcdfghjklmnprstvwz';
const VOWELS = 'aeiou';

function inventWord(draw: Draw): string {
  let word = '';
  for (let left = 1 + (draw() % 3); left > 0; left--) {
    word += (CONSONANTS[draw() % CONSONANTS.length] ?? '') + (VOWELS[draw() % VOWELS.length] ?? '');
    if (draw() % 3 === 0) word += CONSONANTS[draw() % CONSONANTS.length] ?? '';
  }
  return word;
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const COMMON_WORDS = 8000;
const PROJECT_WORDS = 1500;
/** Identifiers one file uses. */
const FILE_WORDS = 48;

function inventIdentifiers(draw: Draw, words: readonly string[]): string[] {
  return Array.from({ length: PROJECT_WORDS }, () => {
    const parts = Array.from({ length: 1 + (draw() % 3) }, () => words[skewed(draw, words.length)] ?? '');
    return parts.map((part, index) => (index === 0 ? part : capital(part))).join('');
  });
}

// ------------------------------------------------------------------------------------------------------------- text

/**
 * Lines as they stand in code. `@` is one of the file's identifiers, `~` one of the project's, `#` a number, `$` a few
 * words of prose, `%` sixteen digits of something like a hash.
 */
const LINES = [
  'const @ = @.@(@, @);\n',
  'if (@ === undefined) return @;\n',
  'return { @: @.@, @: ~, @ };\n',
  'for (const @ of @.@()) {\n',
  '}\n',
  '}\n',
  '\n',
  '// $\n',
  '/** $ */\n',
  "import { ~, @ } from './~.ts';\n",
  'export function ~(@: ~, @: number): ~ {\n',
  "throw new Error('$');\n",
  'assert.equal(@.@(#), #);\n',
  "@.~('%', #, @);\n",
  'await @.@({ @: #, ~: @ });\n',
  'while (@ < #) @ += @.@;\n',
].map((line) => Uint8Array.from(Buffer.from(line, 'latin1')));

const MARK = { own: 0x40, project: 0x7e, number: 0x23, prose: 0x24, digits: 0x25 } as const;
const INDENT_MAX = 8;
const EMPTY = new Uint8Array();
/** The longest thing a single mark may stand for; a line is ended before it could run over the end of the file. */
const PIECE_BYTES_MAX = 256;

export type TextSource = {
  /** Another project: other identifiers. */
  readonly nextProject: () => void;
  /** Overwrites all of `target` with the text of one file. */
  readonly fill: (target: Uint8Array) => void;
};

export function createTextSource(seed: number): TextSource {
  const draw = createDraw(seed);
  const common = Array.from({ length: COMMON_WORDS }, () => inventWord(draw));
  const prose = packWords(common.map((word) => `${word} `));
  let project = packWords(inventIdentifiers(draw, common));
  const own = new Uint32Array(FILE_WORDS);
  let target: Uint8Array = EMPTY;
  let at = 0;

  const copy = (from: Uint8Array, start: number, end: number): void => {
    for (let index = start; index < end; index++) target[at++] = from[index] ?? 0;
  };
  const word = (words: Words, index: number): void =>
    copy(words.bytes, words.starts[index] ?? 0, words.starts[index + 1] ?? 0);
  const digits = (count: number): void => {
    for (let left = count, value = 0; left > 0; left--, value >>>= 4) {
      if (left % 8 === 0 || left === count) value = draw();
      const digit = value & 15;
      target[at++] = digit < 10 ? 0x30 + digit : 0x57 + digit;
    }
  };
  const piece = (mark: number): void => {
    if (mark === MARK.own) word(project, own[skewed(draw, FILE_WORDS)] ?? 0);
    else if (mark === MARK.project) word(project, skewed(draw, project.count));
    else if (mark === MARK.number) target[at++] = 0x30 + (draw() % 10);
    else if (mark === MARK.digits) digits(16);
    else for (let left = 3 + (draw() % 9); left > 0; left--) word(prose, skewed(draw, prose.count));
  };
  const line = (end: number): void => {
    const template = LINES[draw() % LINES.length] ?? EMPTY;
    for (let left = draw() % INDENT_MAX; left > 0; left -= 2) target[at++] = 0x20;
    for (let index = 0; index < template.length; index++) {
      if (end - at < PIECE_BYTES_MAX) return;
      const byte = template[index] ?? 0;
      if (byte === MARK.own || byte === MARK.project || (byte >= MARK.number && byte <= MARK.digits)) piece(byte);
      else target[at++] = byte;
    }
  };

  return {
    nextProject: () => {
      project = packWords(inventIdentifiers(draw, common));
    },
    fill: (into) => {
      for (let index = 0; index < FILE_WORDS; index++) own[index] = skewed(draw, project.count);
      target = into;
      at = 0;
      while (into.length - at >= PIECE_BYTES_MAX) line(into.length);
      // The last bytes: prose, cut where the file ends.
      while (at < into.length) {
        const index = skewed(draw, prose.count);
        const start = prose.starts[index] ?? 0;
        copy(prose.bytes, start, Math.min(prose.starts[index + 1] ?? 0, start + into.length - at));
      }
    },
  };
}

const PART_BYTES = 16 * 1024;
const QUARRY_BYTES = 32 * 1024 * 1024;
const SLICE_BYTES = 4 * 1024;

/**
 * Text of one size, with other identifiers every few kilobytes, as if it were many files in one. Above 32 MiB it is
 * laid out from slices of what was made: ten times as fast, and no two megabytes of it are alike.
 */
export function makeText(seed: number, bytes: number): Uint8Array {
  const source = createTextSource(seed);
  const text = new Uint8Array(bytes);
  const made = Math.min(bytes, QUARRY_BYTES);
  for (let at = 0; at < made; at += PART_BYTES) source.fill(text.subarray(at, Math.min(made, at + PART_BYTES)));
  const draw = createDraw(seed);
  for (let at = made; at < bytes; at += SLICE_BYTES) {
    const from = draw() % (QUARRY_BYTES - SLICE_BYTES);
    text.set(text.subarray(from, from + Math.min(SLICE_BYTES, bytes - at)), at);
  }
  return text;
}

// ------------------------------------------------------------------------------------------------------------ trees

const PROJECT_FILES = 700;
const FOLDER_FILES_MEAN = 12;
const FILE_BYTES_MAX = 4_000_000;
/** Shape of the log-normal sizes: half of all files are smaller than 0.43 of the mean. */
const SIZE_SIGMA = 1.3;
const NOISE_SHARE = 0.05;
const COPY_SHARE = 0.06;
const ENDINGS = ['.ts', '.ts', '.ts', '.js', '.json', '.md', '.css', '.py', '.c', '.h'] as const;
/** 2023-11-14, in seconds since 1970: every file is older than the run, and no two runs differ. */
const TIME_FIRST_S = 1_700_000_000;
const TIME_RANGE_S = 60_000_000;

function drawSizes(draw: Draw, { files, bytes }: DataOptions): number[] {
  const raw = Array.from({ length: files }, () => {
    // Box and Muller: two even draws make one normal one.
    const normal = Math.sqrt(-2 * Math.log(1 - share(draw))) * Math.cos(2 * Math.PI * share(draw));
    return Math.exp(SIZE_SIGMA * normal);
  });
  const scale = bytes / raw.reduce((sum, size) => sum + size, 0);
  return raw.map((size) => Math.min(FILE_BYTES_MAX, Math.max(1, Math.round(size * scale))));
}

function fillWithNoise(target: Uint8Array, draw: Draw): void {
  for (let index = 0; index < target.length; index++) target[index] = draw() >>> 11;
}

/** Makes `root`, which must not exist, and fills it. Synchronous: nothing else is to be done meanwhile. */
export function writeDataSet(root: string, options: DataOptions): DataSet {
  const draw = createDraw(options.seed);
  const text = createTextSource(options.seed + 1);
  const names = createDraw(options.seed + 2);
  const buffer = new Uint8Array(FILE_BYTES_MAX);
  fs.mkdirSync(root);
  let folder = root;
  let folders = 1;
  let total = 0;
  let kept: Uint8Array = EMPTY;
  drawSizes(draw, options).forEach((size, index) => {
    const isNewProject = index % PROJECT_FILES === 0;
    if (isNewProject) text.nextProject();
    if (isNewProject || draw() % FOLDER_FILES_MEAN === 0) {
      // A new folder beside or below the last one, never deeper than a project's own folders go.
      const depth = isNewProject ? 0 : 1 + (draw() % 4);
      const parts = path.relative(root, folder).split(path.sep).slice(0, depth);
      folder = path.join(root, ...parts, `${inventWord(names)}-${index}`);
      fs.mkdirSync(folder, { recursive: true });
      folders++;
    }
    let content: Uint8Array = buffer.subarray(0, size);
    const kind = share(draw);
    if (kind < COPY_SHARE && kept.length > 0) content = kept;
    else if (kind < COPY_SHARE + NOISE_SHARE) fillWithNoise(content, draw);
    else text.fill(content);
    if (draw() % 16 === 0) kept = Uint8Array.from(content);
    const name = `${inventWord(names)}-${index}${ENDINGS[draw() % ENDINGS.length] ?? ''}`;
    writeFile(path.join(folder, name), content, TIME_FIRST_S + share(draw) * TIME_RANGE_S);
    total += content.length;
  });
  return { files: options.files, folders, bytes: total };
}

export function writeFile(file: string, content: Uint8Array, modifiedAtS: number): void {
  const fd = fs.openSync(file, 'wx');
  fs.writeSync(fd, content);
  fs.futimesSync(fd, modifiedAtS, modifiedAtS);
  fs.closeSync(fd);
}

/** Lets a signal be heard: making data is long and synchronous. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

// ----------------------------------------------------------------------------------------------------- how it packs

const SAMPLE_FILES = 2000;
const BUNDLE_BYTES = 1024 * 1024;

export type Packing = { readonly single: number; readonly bundled: number };

/** What zstd 3 makes of the first files, as a part of their size: each by itself, and in bundles of 1 MiB. */
export function describeDataSet(root: string): Packing {
  const entries = fs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const contents = entries
    .slice(0, SAMPLE_FILES)
    .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name)));
  const whole = Buffer.concat(contents);
  const packed = (bytes: Buffer): number => Math.min(bytes.length, zlib.zstdCompressSync(bytes).length);
  let single = 0;
  for (const content of contents) single += packed(content);
  let bundled = 0;
  for (let at = 0; at < whole.length; at += BUNDLE_BYTES) bundled += packed(whole.subarray(at, at + BUNDLE_BYTES));
  return { single: single / whole.length, bundled: bundled / whole.length };
}
