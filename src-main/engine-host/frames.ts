/**
 * The messages between Electron's main process and the engine's. Both sides check what arrives: a frame that does not
 * parse is a defect, and is better met at the border than as an undefined somewhere inside.
 *
 * Clients' messages do not pass here. Each client has a port of its own, handed over with a `port` frame.
 */
import * as v from 'valibot';

import { HOST_STATES, POWER_EVENTS } from './port.ts';

const request = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const activity = v.strictObject({ title: v.string() });

const toEngineFrame = v.variant('type', [
  /** Carries one MessagePort. */
  v.strictObject({ type: v.literal('port') }),
  v.strictObject({ type: v.literal('folder'), handle: v.string(), path: v.string() }),
  v.strictObject({ type: v.literal('power'), event: v.picklist(POWER_EVENTS) }),
  v.strictObject({ type: v.literal('ask-activities'), request }),
  v.strictObject({
    type: v.literal('secret-answer'),
    request,
    value: v.exactOptional(v.string()),
    error: v.exactOptional(v.string()),
  }),
  v.strictObject({ type: v.literal('close') }),
]);

const toMainFrame = v.variant('type', [
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('activities'), request, activities: v.array(activity) }),
  v.strictObject({ type: v.literal('status'), state: v.picklist(HOST_STATES), text: v.string() }),
  v.strictObject({ type: v.literal('notice'), title: v.string(), body: v.string() }),
  v.strictObject({ type: v.literal('secret-read'), request, name: v.string() }),
  v.strictObject({ type: v.literal('secret-write'), request, name: v.string(), secret: v.string() }),
  v.strictObject({ type: v.literal('secret-remove'), request, name: v.string() }),
]);

export type ToEngineFrame = v.InferOutput<typeof toEngineFrame>;
export type ToMainFrame = v.InferOutput<typeof toMainFrame>;

export const parseToEngineFrame = (value: unknown): ToEngineFrame => v.parse(toEngineFrame, value);
export const parseToMainFrame = (value: unknown): ToMainFrame => v.parse(toMainFrame, value);
