/** The page's files: every address leads into the page's folder or nowhere. */
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CONTENT_SECURITY_POLICY, pageFile } from '../../src-main/engine-host/page-files.ts';

const FOLDER = path.resolve('/opt/cairn/renderer');

describe('an address', () => {
  it.each([
    ['/', 'index.html', 'text/html; charset=utf-8'],
    ['/index.html', 'index.html', 'text/html; charset=utf-8'],
    ['/assets/index-a1.js', 'assets/index-a1.js', 'text/javascript; charset=utf-8'],
    ['/assets/a%20b.css', 'assets/a b.css', 'text/css; charset=utf-8'],
  ])('%s leads to a file of the page', (address, file, contentType) => {
    expect(pageFile(FOLDER, address)).toEqual({ path: path.join(FOLDER, file), contentType });
  });

  it.each([
    '/../main/main.js',
    '/%2e%2e/main.js',
    '/..%2fmain.js',
    '/a/%2e%2e/%2e%2e/b.js',
    '/..%5cmain.js',
    '/C:/x.js',
    '/%00.js',
    '/%',
    '/secret.key',
    '/assets',
  ])('%s leads nowhere', (address) => expect(pageFile(FOLDER, address)).toBeUndefined());

  it('never leads out of the folder, whatever it is', () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '%2e%2e',
      '%252e%252e',
      '%2f',
      '/',
      '%5c',
      'a',
      'index.html',
      '%00',
      '~',
      'C:',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(part).map((parts) => `/${parts.join('/')}.js`),
          fc.string(),
        ),
        (address) => {
          const file = pageFile(FOLDER, address);
          expect(file === undefined || file.path.startsWith(FOLDER + path.sep)).toBe(true);
        },
      ),
    );
  });
});

describe('the page’s policy', () => {
  it('allows nothing by default, and inline only as style attributes', () => {
    expect(CONTENT_SECURITY_POLICY).toMatch(/^default-src 'none'; /);
    expect(CONTENT_SECURITY_POLICY.match(/'unsafe-[^']+'/g)).toEqual(["'unsafe-inline'"]);
    expect(CONTENT_SECURITY_POLICY).toContain("style-src-attr 'unsafe-inline'");
    expect(CONTENT_SECURITY_POLICY).not.toMatch(/https?:|\*/);
  });
});
