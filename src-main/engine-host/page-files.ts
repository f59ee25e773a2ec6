/**
 * The page's files as every host hands them out: Electron under app://, the headless server over HTTP. A request can
 * name nothing outside the page's folder, and every answer carries the headers that keep the page to itself.
 */
import path from 'node:path';

/**
 * Nothing is allowed but our own files. Style attributes alone may be inline: the components set positions and sizes
 * with them. Images may be made in the page (previews); scripts and styles may not.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=()',
  'cache-control': 'no-store',
};

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** Undefined for a kind of file that a page of ours has not. */
export function contentTypeOf(name: string): string | undefined {
  return CONTENT_TYPES[path.extname(name)];
}

export type PageFile = { readonly path: string; readonly contentType: string };

/**
 * The file for the path part of an address, or undefined for what the page does not have: another kind of file, a name
 * that cannot be decoded, or a way out of the folder.
 */
export function pageFile(folder: string, addressPath: string): PageFile | undefined {
  const name = decodedName(addressPath);
  if (name === undefined) return undefined;
  const file = path.join(folder, name);
  const relative = path.relative(folder, file);
  if (relative === '' || relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative)) {
    return undefined;
  }
  const contentType = contentTypeOf(file);
  return contentType === undefined ? undefined : { path: file, contentType };
}

/** Decoded exactly once. Backslashes, colons and NUL mean something to some system, and are in no name of ours. */
function decodedName(addressPath: string): string | undefined {
  if (addressPath === '' || addressPath === '/') return 'index.html';
  try {
    const name = decodeURIComponent(addressPath);
    return /[\\:\0]/.test(name) || name.split('/').some((part) => part === '..') ? undefined : name;
  } catch {
    return undefined;
  }
}
