/** The folders a person keeps things in: what the desktop calls Documents and so on, and the usual names for projects. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { PlaceKind } from '../../../src-shared/model/index.ts';

export type UserFolder = { readonly path: string; readonly kind: PlaceKind };

const XDG_FILE_BYTES_MAX = 64 * 1024;

/** In the order in which they are offered: what is ticked first comes first. */
const FOLDERS = [
  { kind: 'documents', xdg: 'DOCUMENTS', names: ['Documents'] },
  { kind: 'pictures', xdg: 'PICTURES', names: ['Pictures'] },
  { kind: 'desktop', xdg: 'DESKTOP', names: ['Desktop'] },
  {
    kind: 'projects',
    xdg: undefined,
    names: ['Projects', 'projects', 'Code', 'code', 'src', 'dev', 'workspace', 'git'],
  },
  { kind: 'music', xdg: 'MUSIC', names: ['Music'] },
  { kind: 'videos', xdg: 'VIDEOS', names: ['Videos', 'Movies'] },
  { kind: 'downloads', xdg: 'DOWNLOAD', names: ['Downloads'] },
] as const satisfies readonly {
  readonly kind: PlaceKind;
  readonly xdg: string | undefined;
  readonly names: readonly string[];
}[];

/** Those that exist, each kind once, and the home folder last. */
export async function userFolders(userHome: string): Promise<readonly UserFolder[]> {
  const named = await xdgFolders(userHome);
  const found: UserFolder[] = [];
  for (const { kind, xdg, names } of FOLDERS) {
    const configured = xdg === undefined ? undefined : named.get(xdg);
    const candidates = [
      ...(configured === undefined ? [] : [configured]),
      ...names.map((name) => path.join(userHome, name)),
    ];
    for (const candidate of candidates) {
      // A desktop that has no folder of a kind points its name at the home folder itself.
      if (path.resolve(candidate) === path.resolve(userHome) || !(await isFolder(candidate))) continue;
      if (!found.some((folder) => folder.path === candidate)) found.push({ path: candidate, kind });
      break;
    }
  }
  return [...found, { path: userHome, kind: 'home' }];
}

/** ~/.config/user-dirs.dirs: lines such as XDG_DOCUMENTS_DIR="$HOME/Dokumente". */
async function xdgFolders(userHome: string): Promise<ReadonlyMap<string, string>> {
  const folders = new Map<string, string>();
  const text = await readFile(path.join(userHome, '.config/user-dirs.dirs'), 'utf8').catch(() => '');
  for (const [, name = '', value = ''] of text
    .slice(0, XDG_FILE_BYTES_MAX)
    .matchAll(/^XDG_([A-Z]{1,20})_DIR="([^"\n]{1,4096})"$/gm)) {
    const folder = value.replace(/\\(.)/g, '$1').replace(/^\$HOME(?=\/|$)/, userHome);
    if (path.isAbsolute(folder)) folders.set(name, path.normalize(folder).replace(/(?<=.)\/$/, ''));
  }
  return folders;
}

async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
