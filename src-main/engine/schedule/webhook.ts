/**
 * Tells an address on the web how a run ended, for a watchdog that notices when nothing comes any more. Off unless a person
 * gave an address. It carries no secret and no path, follows no redirect, reads no answer, and gives up soon: a ping that
 * is lost is a line in the log and never a failed backup.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../kernel/index.ts';
import { checkWebhook } from './webhook-url.ts';

export type Ping = {
  readonly set: string;
  readonly result: 'done' | 'problems' | 'failed' | 'cancelled';
  readonly time: string;
  readonly snapshotId: string | null;
  readonly problemCount: number;
  readonly durationMs: number;
};

export type PingOptions = {
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Shorter in tests. */
  readonly pausesMs?: readonly number[];
  readonly timeoutMs?: number;
};

/** Between the first try and the second, the second and the third. */
const PAUSES_MS: readonly number[] = [2000, 10_000];
const TIMEOUT_MS = 10_000;

/** Whether somebody took it. Never throws. */
export async function ping(webhook: string, message: Ping, options: PingOptions): Promise<boolean> {
  const { log, signal, pausesMs = PAUSES_MS, timeoutMs = TIMEOUT_MS } = options;
  let reason = '';
  try {
    checkWebhook(webhook);
    for (const pauseMs of [0, ...pausesMs]) {
      await sleep(pauseMs, undefined, { signal });
      const tried = await tryOnce(webhook, message, timeoutMs, signal);
      if (tried.isTaken) return true;
      ({ reason } = tried);
      if (!tried.mayHelp) break;
    }
  } catch (error) {
    reason = error instanceof Error ? error.name : 'unknown';
  }
  // The address may be a key by itself: the log has its host only.
  log('warn', 'a webhook was not taken', { host: URL.parse(webhook)?.host ?? '', reason });
  return false;
}

type Tried = { readonly isTaken: boolean; readonly mayHelp: boolean; readonly reason: string };

async function tryOnce(
  webhook: string,
  message: Ping,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Tried> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(webhook, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'cairn' },
      body: JSON.stringify(message),
      redirect: 'manual',
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
    await response.body?.cancel();
    const { ok, status } = response;
    return { isTaken: ok, mayHelp: status >= 500 || status === 429 || status === 408, reason: `status ${status}` };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
    return { isTaken: false, mayHelp: true, reason: code ?? (cause instanceof Error ? cause.name : 'unknown') };
  }
}
