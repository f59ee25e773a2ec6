/**
 * FIFOs, sockets and devices. Node makes none of them: mknod through target-native.ts, else the system's mkfifo and
 * mknod programs (a socket then can't be made, and nobody misses one: its program makes it anew).
 */
import { spawnSync } from 'node:child_process';
import { isUtf8 } from 'node:buffer';
import { nativeCalls } from './target-native.ts';

export type SpecialNode =
  | { readonly nodeType: 'fifo' | 'socket' }
  | { readonly nodeType: 'char-device' | 'block-device'; readonly major: number; readonly minor: number };

const TYPE_BITS = { fifo: 0o010000, socket: 0o140000, 'char-device': 0o020000, 'block-device': 0o060000 } as const;
const PRIVATE_MODE = 0o600;
const PROGRAM_TIMEOUT_MS = 10_000;

/** Makes the node, private to this user. Throws an errno-like error. */
export function makeSpecial(access: Buffer, node: SpecialNode): void {
  const makeNode = nativeCalls()?.makeNode;
  if (makeNode !== undefined) {
    const code = makeNode(access, TYPE_BITS[node.nodeType] | PRIVATE_MODE, deviceNumber(node));
    if (code !== undefined) throw errnoError(code);
    return;
  }
  if (node.nodeType === 'socket' || process.platform === 'win32' || !isUtf8(access)) throw errnoError('ENOTSUP');
  const path = access.toString('utf8').replace(/^\/proc\/self\/fd\//, `/proc/${process.pid}/fd/`);
  const result = spawnSync(...programFor(node, path), { stdio: 'ignore', timeout: PROGRAM_TIMEOUT_MS });
  if (result.status !== 0) throw errnoError(node.nodeType === 'fifo' ? 'ENOTSUP' : 'EPERM');
}

function programFor(node: SpecialNode, path: string): [command: string, args: string[]] {
  const mode = ['-m', PRIVATE_MODE.toString(8)];
  if (!('major' in node)) return ['mkfifo', [...mode, '--', path]];
  const letter = node.nodeType === 'char-device' ? 'c' : 'b';
  return ['mknod', [...mode, '--', path, letter, String(node.major), String(node.minor)]];
}

/** Linux's dev_t: the low 12 bits of the major number from bit 8, the low 8 of the minor from bit 0, the rest above. */
function deviceNumber(node: SpecialNode): bigint {
  if (!('major' in node)) return 0n;
  const [major, minor] = [BigInt(node.major), BigInt(node.minor)];
  return ((major & 0xfffn) << 8n) | ((major & 0xfffff000n) << 32n) | (minor & 0xffn) | ((minor & 0xffffff00n) << 12n);
}

function errnoError(code: string): Error {
  return Object.assign(new Error(`the node can’t be made: ${code}`), { code });
}
