/**
 * The calls behind the bridge: what the page's preload sends to the main process and what comes back. Both ends are
 * built from this one table, and each checks what it is given.
 */
import * as v from 'valibot';

/** Longer than anything a person copies. */
const TEXT_CHARACTERS_MAX = 100_000;

const text = v.pipe(v.string(), v.maxLength(TEXT_CHARACTERS_MAX));
const nothing = v.null();

export const BRIDGE_CALLS = {
  /** The port itself comes on PORT_CHANNEL with the number given here. */
  connect: { arguments: v.strictTuple([v.pipe(v.number(), v.safeInteger())]), result: nothing },
  copyText: { arguments: v.strictTuple([text]), result: nothing },
} as const;

export type BridgeCall = keyof typeof BRIDGE_CALLS;
export type CallArguments<Call extends BridgeCall> = v.InferOutput<(typeof BRIDGE_CALLS)[Call]['arguments']>;
export type CallResult<Call extends BridgeCall> = v.InferOutput<(typeof BRIDGE_CALLS)[Call]['result']>;

export const PORT_CHANNEL = 'cairn:port';
/** The engine ended: every line to it is broken. Chromium does not reliably tell a port that its other end is gone. */
export const LINES_BROKE_CHANNEL = 'cairn:lines-broke';
export const channelOf = (call: BridgeCall): string => `cairn:${call}`;

/** Nothing is thrown across: of an error only the message would arrive, in a sentence about remote methods. */
export const callReply = v.variant('ok', [
  v.strictObject({ ok: v.literal(true), value: v.unknown() }),
  v.strictObject({ ok: v.literal(false), message: v.string() }),
]);
export type CallReply = v.InferOutput<typeof callReply>;
