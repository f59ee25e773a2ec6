/**
 * One line of the log: an object as JSON, bounded, and never a secret in it. Whoever writes a line leaves secrets out; this
 * is the second wall, for the day somebody forgets: fields whose name says that they are secret, and what can be told by
 * its shape (a recovery key, a link with a token, an address with a password).
 */
import { CairnError } from '../../src-shared/errors.ts';

const LINE_CHARACTERS_MAX = 64 * 1024;
const CAUSE_DEPTH_MAX = 5;
const LEFT_OUT = '(left out)';

const SECRET_FIELD = /(?:password|passphrase|secret|token|recoverykey|cookie|csrf|authorization|webhook)s?$/i;
/** Fourteen groups of four, as codec/recovery-key.ts writes them. */
const RECOVERY_KEY = /\b[0-9a-hjkmnp-tv-z]{4}(?:-[0-9a-hjkmnp-tv-z]{4}){13}\b/gi;
const USER_IN_ADDRESS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'\\]+@/gi;
const TOKEN_IN_ADDRESS = /([#?&](?:token|key|secret|password|sig|signature)=)[^\s&"'\\]+/gi;

export function logLine(fields: Readonly<Record<string, unknown>>): string {
  const text = withoutSecrets(JSON.stringify(fields, (key, value: unknown) => plain(key, value, 0)));
  if (text.length <= LINE_CHARACTERS_MAX) return `${text}\n`;
  const { time, level } = fields;
  return `${JSON.stringify({ time, level, message: text.slice(0, LINE_CHARACTERS_MAX / 4), cut: true })}\n`;
}

function withoutSecrets(text: string): string {
  return text
    .replaceAll(RECOVERY_KEY, LEFT_OUT)
    .replaceAll(USER_IN_ADDRESS, `$1${LEFT_OUT}@`)
    .replaceAll(TOKEN_IN_ADDRESS, `$1${LEFT_OUT}`);
}

/** What JSON would lose or choke on, as something it can write. */
function plain(key: string, value: unknown, depth: number): unknown {
  if (SECRET_FIELD.test(key) && isTelling(value)) return LEFT_OUT;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (!(value instanceof Error)) return value;
  return {
    name: value.name,
    message: value.message,
    ...(value instanceof CairnError ? { code: value.code, context: value.context } : {}),
    ...('code' in value && !(value instanceof CairnError) ? { code: value.code } : {}),
    stack: value.stack,
    ...(value.cause === undefined || depth >= CAUSE_DEPTH_MAX ? {} : { cause: plain('cause', value.cause, depth + 1) }),
  };
}

/** That a password is remembered is no secret. */
function isTelling(value: unknown): boolean {
  return typeof value === 'string' ? value !== '' : typeof value === 'object' && value !== null;
}
