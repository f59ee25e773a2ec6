/**
 * Who may ask the app for something, and where the app may send the user. Everything that is not named is refused.
 */

export const APP_SCHEME = 'app';
export const APP_HOST = 'cairn';
export const PAGE_URL = `${APP_SCHEME}://${APP_HOST}/index.html`;

/** What is known of the frame that sent a message. */
export type Sender = {
  readonly contentsId: number;
  /** Undefined for a frame that is gone already. */
  readonly frameUrl: string | undefined;
  readonly isMainFrame: boolean;
};

/** Our own page, in one of our own windows, not in a frame inside it. */
export function isTrustedSender(sender: Sender, ownContents: ReadonlySet<number>): boolean {
  return ownContents.has(sender.contentsId) && sender.isMainFrame && isPageUrl(sender.frameUrl);
}

export function isPageUrl(address: string | undefined): boolean {
  const url = parsedUrl(address);
  return url?.protocol === `${APP_SCHEME}:` && url.host === APP_HOST;
}

/** Pages that help texts refer to. An entry allows the address itself and, ending in a slash, what lies below it. */
export const ALLOWED_LINKS = [
  'https://git-scm.com/docs/gitignore',
  'https://bford.info/cachedir/',
  'https://specifications.freedesktop.org/secret-service/',
] as const;

export function isAllowedLink(address: string): boolean {
  const url = parsedUrl(address);
  if (url === undefined || url.username !== '' || url.password !== '') return false;
  // As the browser will read it, without what is a matter of the page only.
  const plain = `${url.origin}${url.pathname}`;
  return ALLOWED_LINKS.some((allowed) => plain === allowed || (allowed.endsWith('/') && plain.startsWith(allowed)));
}

function parsedUrl(address: string | undefined): URL | undefined {
  return address === undefined ? undefined : (URL.parse(address) ?? undefined);
}
