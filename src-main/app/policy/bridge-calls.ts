/**
 * The calls behind the bridge: what the page's preload sends to the main process and what comes back. Both ends are
 * built from this one table, and each checks what it is given.
 */
import * as v from 'valibot';

import { FOLDER_PURPOSES, THEMES } from '../../../src-shared/api/bridge.ts';

/** Longer than anything a person copies or clicks. */
const TEXT_CHARACTERS_MAX = 100_000;

const text = v.pipe(v.string(), v.maxLength(TEXT_CHARACTERS_MAX));
const nothing = v.null();
const settings = v.strictObject({ startAtLogin: v.boolean(), theme: v.picklist(THEMES) });

export const BRIDGE_CALLS = {
  /** The port itself comes on PORT_CHANNEL with the number given here. */
  connect: { arguments: v.strictTuple([v.pipe(v.number(), v.safeInteger())]), result: nothing },
  chooseFolder: {
    arguments: v.strictTuple([v.picklist(FOLDER_PURPOSES)]),
    result: v.nullable(v.strictObject({ handle: v.string(), path: v.string() })),
  },
  showFolder: { arguments: v.strictTuple([text]), result: nothing },
  openLink: { arguments: v.strictTuple([text]), result: nothing },
  copyText: { arguments: v.strictTuple([text]), result: nothing },
  settings: { arguments: v.strictTuple([]), result: settings },
  changeSettings: {
    arguments: v.strictTuple([
      v.strictObject({ startAtLogin: v.exactOptional(v.boolean()), theme: v.exactOptional(v.picklist(THEMES)) }),
    ]),
    result: settings,
  },
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
