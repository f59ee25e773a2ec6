/**
 * The data sets of `npm run bench backup`, each with how it is made, how it changes, and the bars and goals of the
 * design (§9) that it is held against.
 */
import fs from 'node:fs';
import path from 'node:path';
import { createDraw, describeDataSet, writeDataSet } from './data.ts';
import { describeImage, IMAGE_NAME, writeImage } from './data-image.ts';
import { tinyPath, writeTiny } from './data-tiny.ts';
import { formatCount, formatMegabytes, threeDigits } from './table.ts';

export const DATA_SET_NAMES = ['source', 'image', 'tiny'] as const;
export type DataSetName = (typeof DATA_SET_NAMES)[number];

/**
 * What a figure is held against. `ratio`: restic's divided by Cairn's is at least this; `atMost`: Cairn's own figure, in
 * the figure's unit, is at most this.
 */
export type Bar = { readonly kind: 'ratio' | 'atMost'; readonly bar?: number; readonly goal: number };

/** A data set that was made. */
export type MadeData = {
  /** One line for a person. */
  readonly description: string;
  readonly change: (change: Change) => void;
};
/** `seed` makes two changes of a run different ones. */
export type Change = { readonly places: number; readonly seed: number };

export type DataSet = {
  readonly name: DataSetName;
  readonly title: string;
  /** On the drive or in memory: the data set, a repository of each program, and one restored tree. */
  readonly bytesNeeded: number;
  readonly rounds: number;
  /** The figures of report.ts by name. */
  readonly bars: Readonly<Record<string, Bar>>;
  /** Only some folders of what the others restored are compared with the source: all of it would take minutes. */
  readonly comparesSample: boolean;
  /** Makes `root`, which must not exist. */
  readonly make: (root: string, seed: number) => Promise<MadeData>;
};

const RESTORE_BARS = {
  restore: { kind: 'ratio', bar: 2.5, goal: 4 },
  'restore / cp -a': { kind: 'atMost', goal: 1.3 },
  'deep verify': { kind: 'ratio', bar: 1.5, goal: 3 },
} as const satisfies Record<string, Bar>;

/** A file of a tmpfs costs a page at least, and its inode and name in the kernel's memory. */
const TINY_FILE_COST_BYTES = 5400;

/** Sizes the bars are for, and sizes for a look at whether everything runs. */
const SIZES = {
  full: { sourceFiles: 56_000, imageMebibytes: 400, tinyFiles: 1_000_000, rounds: 3 },
  quick: { sourceFiles: 2800, imageMebibytes: 40, tinyFiles: 10_000, rounds: 1 },
} as const;

export function dataSetOf(name: DataSetName, size: keyof typeof SIZES): DataSet {
  const { sourceFiles, imageMebibytes, tinyFiles, rounds } = SIZES[size];
  switch (name) {
    case 'source':
      return sourceData(sourceFiles, rounds);
    case 'image':
      return imageData(imageMebibytes, rounds);
    case 'tiny':
      // A round of it takes minutes.
      return tinyData(tinyFiles, 1);
  }
}

function sourceData(files: number, rounds: number): DataSet {
  const bytes = Math.round((files * 660_000_000) / 56_000);
  return {
    name: 'source',
    title: 'source trees',
    bytesNeeded: 3.7 * bytes,
    rounds,
    bars: {
      'first backup': { kind: 'ratio', bar: 3, goal: 4 },
      'repository: size': { kind: 'ratio', bar: 1, goal: 1 / 0.95 },
      ...RESTORE_BARS,
    },
    comparesSample: false,
    make: async (root, seed) => {
      const made = writeDataSet(root, { seed, files, bytes });
      const { single, bundled } = describeDataSet(root);
      const entries = fs.readdirSync(root, { recursive: true, withFileTypes: true });
      const paths = entries
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => path.join(parentPath, name));
      const packing = `zstd 3 leaves ${threeDigits(single)} of it file by file, ${threeDigits(bundled)} in bundles of 1 MiB`;
      const description = `${formatCount(files)} files in ${formatCount(made.folders)} folders, ${formatMegabytes(made.bytes)}, seed ${seed}; ${packing}`;
      return { description, change: (change) => changeFiles(files, (index) => paths[index] ?? '', change) };
    },
  };
}

function imageData(mebibytes: number, rounds: number): DataSet {
  const bytes = mebibytes * 1024 * 1024;
  return {
    name: 'image',
    title: 'disk image',
    bytesNeeded: 4.5 * bytes,
    rounds,
    bars: { 'first backup': { kind: 'ratio', bar: 2.5, goal: 4 }, ...RESTORE_BARS },
    comparesSample: false,
    make: async (root, seed) => {
      await writeImage(root, { seed, bytes });
      const description = `one file of ${formatMegabytes(bytes)}, seed ${seed}; zstd 3 leaves ${threeDigits(describeImage(root))} of it`;
      return { description, change: (change) => changeSectors(path.join(root, IMAGE_NAME), bytes, change) };
    },
  };
}

function tinyData(files: number, rounds: number): DataSet {
  return {
    name: 'tiny',
    title: 'tiny files',
    // The data set and one restored tree, and about 1.2 kB a file for all repositories and caches together.
    bytesNeeded: files * (2 * TINY_FILE_COST_BYTES + 1200),
    rounds,
    bars: {
      'first backup': { kind: 'ratio', bar: 3, goal: 5 },
      'first backup: peak memory': { kind: 'atMost', bar: 400e6, goal: 300e6 },
      'no-change backup': { kind: 'ratio', bar: 8, goal: 15 },
      ...RESTORE_BARS,
    },
    comparesSample: true,
    make: async (root, seed) => {
      const { folders, bytes } = await writeTiny(root, { seed, files });
      const description = `${formatCount(files)} files in ${formatCount(folders)} folders, ${formatMegabytes(bytes)}, seed ${seed}`;
      return {
        description,
        change: (change) => changeFiles(files, (index) => path.join(root, tinyPath(index)), change),
      };
    },
  };
}

/** A line more in files that lie far apart. */
function changeFiles(files: number, pathAt: (index: number) => string, { places, seed }: Change): void {
  const draw = createDraw(seed);
  const stride = Math.floor(files / places);
  for (let place = 0; place < places; place++) {
    fs.appendFileSync(pathAt(place * stride + (draw() % stride)), `changed ${seed} ${draw().toString(16)}\n`);
  }
}

const SECTOR_BYTES = 4096;

/** Sectors of noise at random places, as a running system writes them. */
function changeSectors(file: string, bytes: number, { places, seed }: Change): void {
  const draw = createDraw(seed);
  const opened = fs.openSync(file, 'r+');
  const sectors = Math.floor(bytes / SECTOR_BYTES);
  for (let place = 0; place < places; place++) {
    const content = Uint8Array.from({ length: SECTOR_BYTES }, () => draw() >>> 11);
    fs.writeSync(opened, content, 0, SECTOR_BYTES, (draw() % sectors) * SECTOR_BYTES);
  }
  fs.closeSync(opened);
}
