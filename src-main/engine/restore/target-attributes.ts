/**
 * Extended attributes, POSIX access control lists among them, on their way into the target.
 *
 * Not every filesystem takes every one, and some only root may set. What can't be set is no failure of its entry: it is
 * counted by namespace and reason, and the report names each kind once.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { equalBytes } from '../kernel/index.ts';
import type { Xattr } from '../merkle/index.ts';
import { describeErrno } from '../source/index.ts';
import { type CallTarget, nativeCalls } from './target-native.ts';

/** File capabilities are set-id bits in another dress: they are restored only where those are. */
const CAPABILITY = Buffer.from('security.capability');
export const ACCESS_ACL = Buffer.from('system.posix_acl_access');
const DEFAULT_ACL = Buffer.from('system.posix_acl_default');
const USER_PREFIX = Buffer.from('user.');
/** Namespaces come from a repository: no more different ones are told apart. */
const KINDS_MAX = 100;
const KIND_CHARACTERS_MAX = 40;

/** `kind`: the namespace of the name (“user”, “security”); `code`: an errno code. */
export type LeaveOut = (kind: string, code: string) => void;

export type AttributeOptions = {
  /** Removes what the snapshot does not have: user attributes and access control lists, which are a person's own. */
  readonly clean: boolean;
  readonly keepCapabilities: boolean;
  readonly leaveOut: LeaveOut;
};

/** Sets the attributes of an entry. Never throws for what the system refuses. */
export function applyAttributes(target: CallTarget, wanted: readonly Xattr[], options: AttributeOptions): void {
  const calls = nativeCalls()?.attributes;
  if (calls === undefined) {
    for (const { name } of wanted) options.leaveOut(kindOf(name), 'ENOSYS');
    return;
  }
  for (const { name, value } of wanted) {
    const isCapability = equalBytes(name, CAPABILITY);
    const code = isCapability && !options.keepCapabilities ? 'EPERM' : calls.set(target, name, value);
    if (code !== undefined) options.leaveOut(kindOf(name), code);
  }
  if (!options.clean) return;
  const there = calls.list(target);
  if (typeof there === 'string') return;
  for (const name of there) {
    if (!isPersonal(name) || wanted.some((one) => equalBytes(one.name, name))) continue;
    const code = calls.remove(target, name);
    if (code !== undefined && code !== 'ENODATA') options.leaveOut(kindOf(name), code);
  }
}

function isPersonal(name: Uint8Array): boolean {
  if (equalBytes(name, ACCESS_ACL) || equalBytes(name, DEFAULT_ACL)) return true;
  return equalBytes(name.subarray(0, USER_PREFIX.length), USER_PREFIX);
}

function kindOf(name: Uint8Array): string {
  const text = escapePath(name);
  const dot = text.indexOf('.');
  return (dot === -1 ? text : text.slice(0, dot)).slice(0, KIND_CHARACTERS_MAX);
}

/** Counts what was left out of a whole restore: one line per kind, however many entries it concerns. */
export class LeftOutAttributes {
  readonly #kinds = new Map<string, { readonly kind: string; readonly code: string; path: string; count: number }>();

  add(path: string, kind: string, code: string, count = 1): void {
    const key = this.#kinds.size < KINDS_MAX ? `${kind} ${code}` : 'others';
    const known = this.#kinds.get(key);
    if (known === undefined) this.#kinds.set(key, { kind, code, path, count });
    else known.count += count;
  }

  problems(): Problem[] {
    return [...this.#kinds.values()].map(({ kind, code, path, count }) => {
      const others = count > 1 ? `, and ${count - 1} more like it` : '';
      const message = `was restored without an extended attribute (${kind}.…${others}): ${describeErrno(code)}`;
      return { path, code, message };
    });
  }
}
