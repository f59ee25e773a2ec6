/**
 * Schemes of the app's own, and the session. Chromium knows no app://, so a page is shown under https and each request
 * is stopped and answered by the app's handler: app://cairn/x stands for https://cairn.app.standin/x and back. Nothing
 * else is let through; the double has no network.
 */
import { record, strict, strictEmitter } from './strict.ts';

type SchemeHandler = (request: Request) => Response | Promise<Response>;
type PermissionAnswer = (isGranted: boolean) => void;
type PermissionRequestHandler = (
  contents: unknown,
  permission: string,
  answer: PermissionAnswer,
  details: object,
) => void;
type PermissionCheckHandler = (contents: unknown, permission: string, origin: string, details: object) => boolean;

const TOP_DOMAIN = 'standin';
const handlers = new Map<string, SchemeHandler>();

/** The address under which Chromium is shown a page. */
export function toBrowserUrl(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)(.*)$/.exec(url);
  const [, scheme = '', host = '', rest = ''] = match ?? [];
  return handlers.has(scheme) ? `https://${host}.${scheme}.${TOP_DOMAIN}${rest === '' ? '/' : rest}` : url;
}

/** The address as the app knows it. */
export function toAppUrl(url: string): string {
  const match = /^https:\/\/([^/]*)\.([a-z0-9+-]+)\.standin(.*)$/.exec(url);
  const [, host = '', scheme = '', rest = ''] = match ?? [];
  return handlers.has(scheme) ? `${scheme}://${host}${rest}` : url;
}

export function schemeHandler(url: string): SchemeHandler | undefined {
  return handlers.get(new URL(url).protocol.slice(0, -1));
}

export const protocol = strict('protocol', {
  registerSchemesAsPrivileged: (schemes: unknown) => record('protocol.registerSchemesAsPrivileged', schemes),
  handle: (scheme: string, handler: SchemeHandler) => void handlers.set(scheme, handler),
  isProtocolHandled: (scheme: string) => handlers.has(scheme),
});

class Session extends strictEmitter('session') {
  #request: PermissionRequestHandler | undefined;
  #check: PermissionCheckHandler | undefined;

  setPermissionRequestHandler(handler: PermissionRequestHandler): void {
    this.#request = handler;
  }

  setPermissionCheckHandler(handler: PermissionCheckHandler): void {
    this.#check = handler;
  }

  setDevicePermissionHandler(handler: unknown): void {
    record('session.setDevicePermissionHandler', typeof handler);
  }

  setSpellCheckerEnabled(isEnabled: boolean): void {
    record('session.setSpellCheckerEnabled', isEnabled);
  }

  /** As in Electron, what nobody refuses is granted. */
  async grants(contents: unknown, permission: string, origin: string): Promise<boolean> {
    if (this.#check?.(contents, permission, origin, {}) === false) return false;
    const request = this.#request;
    return request === undefined || new Promise((answer) => request(contents, permission, answer, {}));
  }
}

export const defaultSession = new Session();
export const session = strict('session', { defaultSession });
