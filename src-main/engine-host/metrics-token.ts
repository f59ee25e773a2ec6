/**
 * Who may read the figures without being a page with a session: a scraper that knows the token in a file which the person
 * named. The file is the person's alone; its first line is the token, long enough that guessing is hopeless.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { CairnError } from '../../src-shared/errors.ts';
import { displayPath } from '../../src-shared/format/index.ts';
import { readOwnFirstLine } from '../engine/sets/index.ts';

const TOKEN = /^[A-Za-z0-9._~+/=-]{32,512}$/;
const BEARER = /^Bearer +([^ ]+)$/i;

/** Tells whether the value of an Authorization header has the token. */
export type TokenCheck = (authorization: string | undefined) => boolean;

/** @throws CairnError usage/invalid */
export async function readMetricsToken(file: string): Promise<TokenCheck> {
  const refuse = (reason: string, hint: string, cause?: unknown): CairnError =>
    new CairnError('usage/invalid', `The token file ${displayPath(file)} ${reason}.`, {
      hint: hint === '' ? 'Check its path and its permissions.' : hint,
      cause,
    });
  const token = await readOwnFirstLine(Buffer.from(file), refuse);
  if (!TOKEN.test(token))
    throw refuse('holds no token', 'Make one of at least 32 letters and digits: openssl rand -hex 32 > FILE');
  const expected = hashOf(token);
  return (authorization) => {
    const given = BEARER.exec(authorization ?? '')?.[1];
    return given !== undefined && timingSafeEqual(hashOf(given), expected);
  };
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
