/** An invented computer's files, the same on every run: folders a person would have, and one with 100,000 entries. */
import type { BrowseEntry, Preview } from '../../../src-shared/model/index.ts';

const DAY_MS = 86_400_000;
export const HUGE_FOLDER = 'Pictures/Camera roll';
export const HUGE_COUNT = 100_000;

/** The same number for the same text, always. */
export function hashOf(text: string): number {
  let hash = 2166136261;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  return hash >>> 0;
}

export function hexOf(text: string, bytes: number): string {
  let hex = '';
  for (let part = 0; hex.length < bytes * 2; part++) hex += hashOf(`${text}/${part}`).toString(16).padStart(8, '0');
  return hex.slice(0, bytes * 2);
}

/** A folder ends with “/”; “@n” is a size in kB; “+n” is only in the newest n snapshots, “~n” is not in the newest n. */
const TREE: Readonly<Record<string, readonly string[]>> = {
  '': ['Documents/', 'Pictures/', 'Desktop/', 'Projects/'],
  Documents: [
    'Contracts/',
    'House/',
    'Letters/',
    'Taxes 2025/',
    'Thesis/+40',
    'Budget 2026.ods@84',
    'Passport scan.pdf@2140',
    'Recipe – grandmother’s plum cake.md@3',
    'Insurance policy with a rather long name that a clerk once chose and nobody ever changed (final) (2).pdf@812',
    'Notes.txt@5',
    'Address book.csv@41',
    'Reading list.md@2+9',
    'Budget 2025.ods@71~6',
    'Budget draft.md@2~20',
  ],
  'Documents/Contracts': ['Employment 2024.pdf@312', 'Rental agreement.pdf@648', 'Phone plan.pdf@95', 'Car.pdf@210'],
  'Documents/House': ['Floor plan.png@1820', 'Heating manual.pdf@5210', 'Invoices/', 'Garden.md@4'],
  'Documents/House/Invoices': ['2024-11 roof.pdf@120', '2025-02 windows.pdf@144', '2025-09 boiler.pdf@98'],
  'Documents/Letters': ['To Anna.odt@22', 'To the council.odt@25', 'Old/'],
  'Documents/Letters/Old': ['2019.zip@9120'],
  'Documents/Taxes 2025': ['Declaration.pdf@402', 'Receipts/', 'Summary.ods@66'],
  'Documents/Taxes 2025/Receipts': ['January.pdf@120', 'February.pdf@130', 'March.pdf@96'],
  'Documents/Thesis': [
    'Chapter 1.tex@88',
    'Chapter 2.tex@102',
    'Chapter 3.tex@31+12',
    'Figures/',
    'main.pdf@3400',
    'bibliography.bib@61',
  ],
  'Documents/Thesis/Figures': ['overview.svg@40', 'latency.png@220', 'setup.jpg@1800'],
  Pictures: ['2024 Lofoten/', '2025 Alps/', 'Camera roll/', 'Family/', 'cover.png@96'],
  'Pictures/2024 Lofoten': ['IMG_2001.jpg@6210', 'IMG_2002.jpg@5980', 'IMG_2003.jpg@7150', 'IMG_2004.jpg@6420'],
  'Pictures/2025 Alps': ['IMG_4811.jpg@6010', 'IMG_4812.jpg@5990', 'panorama.tif@84100'],
  'Pictures/Family': ['christmas.jpg@4800', 'garden.jpg@5100'],
  Desktop: ['Screenshot 2026-11-02.png@640', 'todo.txt@1', 'Link to Projects→'],
  Projects: ['cairn/', 'website/', 'notes.md@7'],
  'Projects/cairn': ['src/', 'README.md@9', 'package.json@2'],
  'Projects/cairn/src': ['main.ts@4', 'engine.ts@28', 'hash.ts@6'],
  'Projects/website': ['index.html@12', 'style.css@9', 'Empty folder/'],
  'Projects/website/Empty folder': [],
};

const SHAPE = /^(.*?)(\/|→)?(?:@(\d+))?(?:([+~])(\d+))?$/;

export type Moment = { readonly index: number; readonly count: number; readonly timeMs: number };

/** Every file changes now and then, some never; the same on every run. */
export function versionAt(path: string, moment: Moment): number {
  const every = 5 + (hashOf(`every ${path}`) % 40);
  return hashOf(`still ${path}`) % 3 === 0 ? 0 : Math.floor((moment.index + (hashOf(path) % every)) / every);
}

/** Everything at a time but the huge folder, in the order of a walk. */
export function everythingAt(moment: Moment, folder = ''): readonly BrowseEntry[] {
  return (folderAt(folder, moment) ?? []).flatMap((entry) => [
    entry,
    ...(entry.type === 'directory' && entry.path !== HUGE_FOLDER ? everythingAt(moment, entry.path) : []),
  ]);
}

function entryOf(folder: string, row: string, moment: Moment): BrowseEntry | null {
  const [, name = '', mark, kilobytes, side, newest] = SHAPE.exec(row) ?? [];
  const isNew = moment.index >= moment.count - Number(newest);
  if (side !== undefined && isNew !== (side === '+')) return null;
  const path = folder === '' ? name : `${folder}/${name}`;
  const age = (hashOf(path) % 700) * DAY_MS + (hashOf(name) % 80_000) * 1000;
  const isFolder = mark === '/';
  return {
    name,
    path,
    type: isFolder ? 'directory' : mark === '→' ? 'symlink' : 'file',
    size: isFolder ? 0 : Number(kilobytes ?? 0) * 1000 + (hashOf(`${path}${versionAt(path, moment)}`) % 997),
    mtime: new Date(moment.timeMs - age).toISOString(),
    mode: isFolder ? 0o755 : 0o644,
    target: mark === '→' ? '/home/ada/Projects' : null,
    contentHash: isFolder || mark === '→' ? null : hexOf(`${path}${versionAt(path, moment)}`, 32),
    contentBytes: isFolder ? (hashOf(path) % 9_000) * 1e6 : null,
    entryCount: isFolder ? hashOf(`count ${path}`) % 4_000 : null,
  };
}

function hugeEntry(index: number, moment: Moment): BrowseEntry {
  const name = `IMG_${String(index + 1).padStart(6, '0')}.jpg`;
  const path = `${HUGE_FOLDER}/${name}`;
  return {
    name,
    path,
    type: 'file',
    size: 2_000_000 + (hashOf(name) % 6_000_000),
    mtime: new Date(moment.timeMs - (HUGE_COUNT - index) * 600_000).toISOString(),
    mode: 0o644,
    target: null,
    contentHash: hexOf(path, 32),
    contentBytes: null,
    entryCount: null,
  };
}

let huge: readonly BrowseEntry[] | null = null;

/** Null: no such folder at that time. */
export function folderAt(path: string, moment: Moment): readonly BrowseEntry[] | null {
  if (path === HUGE_FOLDER)
    return (huge ??= Array.from({ length: HUGE_COUNT }, (_, index) => hugeEntry(index, moment)));
  const rows = TREE[path];
  if (rows === undefined) return null;
  if (path !== '' && entryAt(path, moment) === null) return null;
  return rows.map((row) => entryOf(path, row, moment)).filter((entry) => entry !== null);
}

function entryAt(path: string, moment: Moment): BrowseEntry | null {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
  return folderAt(folder, moment)?.find((entry) => entry.path === path) ?? null;
}

const HOSTILE_TEXT = [
  '# Notes',
  '',
  '- Call the plumber about the boiler',
  '- <script>alert("this is text and stays text")</script>',
  '- <img src=x onerror="document.title=1">',
  '- Order 40 bricks',
  '',
  'The quick brown fox jumps over the lazy dog, and keeps on jumping until the line is longer than any panel is wide.',
].join('\n');

/** A picture of two tones, made here, so that nothing is loaded. */
const PNG = Uint8Array.from(
  atob(
    'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAP0lEQVR4nGNgwAH0pf7rS/1nwiXMwMDAgqkaQmPRARfFIoEm8R+/Kx5rcZ3Y/8D/2gHx3f9f2Nrawk4sOgAAlFkPc1rVzBIAAAAASUVORK5CYII=',
  ),
  (character) => character.charCodeAt(0),
);

export function previewAt(path: string, moment: Moment): Preview {
  const entry = entryAt(path, moment);
  if (entry?.type !== 'file') return { kind: 'none' };
  if (/\.(md|txt|csv|tex|bib|ts|json|html|css|svg)$/.test(path)) {
    return { kind: 'text', text: HOSTILE_TEXT, truncated: path.endsWith('.csv') };
  }
  if (/\.(png|jpg)$/.test(path)) return { kind: 'image', mediaType: 'image/png', bytes: PNG };
  if (path.endsWith('.tif')) return { kind: 'too-large', limitBytes: 16_777_216 };
  const head = Uint8Array.from({ length: 256 }, (_, index) => hashOf(`${path}${index}`) % 256);
  return { kind: 'binary', head };
}
