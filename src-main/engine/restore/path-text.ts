/** Paths as people and rules see them: relative to what is restored, as escaped text. */
import { escapePath } from '../../../src-shared/format/index.ts';

/** The path of an entry relative to what is restored, as escaped text. */
export function joinPathText(path: string, name: Uint8Array): string {
  const text = escapePath(name);
  return path === '' ? text : `${path}/${text}`;
}
