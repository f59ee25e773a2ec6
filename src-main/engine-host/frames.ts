/**
 * The messages between Electron's main process and the engine's. Both sides check what arrives: a frame that does not
 * parse is a defect, and is better met at the border than as an undefined somewhere inside.
 *
 * Clients' messages do not pass here. Each client has a port of its own, handed over with a `port` frame.
 */
import * as v from 'valibot';

import { ERROR_TABLE, type ErrorCode } from '../../src-shared/errors.ts';
import { FOLDER_PURPOSES, HOST_STATES, KEYCHAIN_STATES, POWER_EVENTS, THEMES } from './port.ts';

const request = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const activity = v.strictObject({ title: v.string() });
const wireError = v.strictObject({
  code: v.custom<ErrorCode>((value) => typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value)),
  message: v.string(),
  hint: v.string(),
  retry: v.picklist(['never', 'later', 'ask']),
});

const toEngineFrame = v.variant('type', [
  /** The first one: what the desktop can do. The service starts with it. */
  v.strictObject({
    type: v.literal('begin'),
    keychain: v.picklist(KEYCHAIN_STATES),
    tray: v.boolean(),
    startsAtLogin: v.boolean(),
  }),
  /** Carries one MessagePort. */
  v.strictObject({ type: v.literal('port') }),
  v.strictObject({ type: v.literal('power'), event: v.picklist(POWER_EVENTS) }),
  v.strictObject({ type: v.literal('ask-activities'), request }),
  /** To a frame with this request. */
  v.strictObject({
    type: v.literal('answer'),
    request,
    value: v.exactOptional(v.string()),
    error: v.exactOptional(v.string()),
  }),
  v.strictObject({ type: v.literal('close') }),
]);

const toMainFrame = v.variant('type', [
  v.strictObject({ type: v.literal('ready') }),
  /** The service can't start, and starting again alone would not help. Nothing follows but the end of the process. */
  v.strictObject({ type: v.literal('refused'), error: wireError }),
  v.strictObject({ type: v.literal('activities'), request, activities: v.array(activity) }),
  v.strictObject({ type: v.literal('status'), state: v.picklist(HOST_STATES), text: v.string() }),
  v.strictObject({ type: v.literal('notice'), title: v.string(), body: v.string() }),
  v.strictObject({ type: v.literal('theme'), theme: v.picklist(THEMES) }),
  // From here on each wants an answer.
  v.strictObject({ type: v.literal('secret-read'), request, name: v.string() }),
  v.strictObject({ type: v.literal('secret-write'), request, name: v.string(), secret: v.string() }),
  v.strictObject({ type: v.literal('secret-remove'), request, name: v.string() }),
  v.strictObject({ type: v.literal('choose-folder'), request, purpose: v.picklist(FOLDER_PURPOSES) }),
  v.strictObject({ type: v.literal('reveal'), request, path: v.string() }),
  v.strictObject({ type: v.literal('start-at-login'), request, on: v.boolean() }),
]);

export type ToEngineFrame = v.InferOutput<typeof toEngineFrame>;
export type ToMainFrame = v.InferOutput<typeof toMainFrame>;
/** What the engine asks of the desktop. */
export type DesktopFrame = Extract<
  ToMainFrame,
  { readonly type: 'choose-folder' | 'reveal' | 'start-at-login' | 'secret-read' | 'secret-write' | 'secret-remove' }
>;

export const parseToEngineFrame = (value: unknown): ToEngineFrame => v.parse(toEngineFrame, value);
export const parseToMainFrame = (value: unknown): ToMainFrame => v.parse(toMainFrame, value);
