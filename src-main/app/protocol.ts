/** The page under app://cairn/: read from its folder, with the headers that every host gives it, and nothing else. */
import { readFile } from 'node:fs/promises';
import { protocol } from 'electron';

import { PAGE_HEADERS, pageFile } from '../engine-host/page-files.ts';
import { APP_HOST, APP_SCHEME } from './policy/trust.ts';

/** Before the app is ready: afterwards Chromium takes app:// for a scheme without origins. */
export function declareAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
}

export function serveAppScheme(pageFolder: string): void {
  protocol.handle(APP_SCHEME, (request) => answerRequest(request, pageFolder));
}

async function answerRequest(request: Request, pageFolder: string): Promise<Response> {
  const url = new URL(request.url);
  if (url.host !== APP_HOST) return plainAnswer(404);
  if (request.method !== 'GET' && request.method !== 'HEAD') return plainAnswer(405);
  const file = pageFile(pageFolder, url.pathname);
  if (file === undefined) return plainAnswer(404);
  try {
    const bytes = await readFile(file.path);
    return new Response(bytes, { headers: { ...PAGE_HEADERS, 'content-type': file.contentType } });
  } catch {
    return plainAnswer(404);
  }
}

const plainAnswer = (status: number): Response =>
  new Response(null, { status, headers: { ...PAGE_HEADERS, 'content-type': 'text/plain; charset=utf-8' } });
