/** The main process's end of the bridge: every call is refused unless it comes from our own page in our own window. */
import { type IpcMainInvokeEvent, ipcMain } from 'electron';
import * as v from 'valibot';

import {
  BRIDGE_CALLS,
  type BridgeCall,
  type CallArguments,
  type CallReply,
  type CallResult,
  channelOf,
} from './policy/bridge-calls.ts';
import { isTrustedSender } from './policy/trust.ts';

export type CallHandlers = {
  readonly [Call in BridgeCall]: (
    event: IpcMainInvokeEvent,
    ...args: CallArguments<Call>
  ) => CallResult<Call> | Promise<CallResult<Call>>;
};

export type CallLog = (message: string, fields: Readonly<Record<string, unknown>>) => void;

export type BridgeOptions = {
  readonly handlers: CallHandlers;
  /** The ids of the web contents that show our windows. */
  readonly ownContents: () => ReadonlySet<number>;
  readonly log: CallLog;
};

export function answerBridge(options: BridgeOptions): void {
  const { handlers } = options;
  answer('connect', handlers.connect, options);
  answer('chooseFolder', handlers.chooseFolder, options);
  answer('showFolder', handlers.showFolder, options);
  answer('openLink', handlers.openLink, options);
  answer('copyText', handlers.copyText, options);
  answer('settings', handlers.settings, options);
  answer('changeSettings', handlers.changeSettings, options);
}

function answer<Call extends BridgeCall>(call: Call, handler: CallHandlers[Call], options: BridgeOptions): void {
  ipcMain.handle(channelOf(call), async (event, ...args: unknown[]): Promise<CallReply> => {
    if (!isTrustedSender(senderOf(event), options.ownContents())) {
      options.log('a call of a stranger was refused', { call, frame: event.senderFrame?.url });
      return { ok: false, message: 'Only Cairn’s own window may ask for this.' };
    }
    try {
      const parsed = v.parse(BRIDGE_CALLS[call].arguments, args);
      return { ok: true, value: await handler(event, ...parsed) };
    } catch (error) {
      options.log('a call of the window failed', { call, error });
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  });
}

function senderOf(event: IpcMainInvokeEvent): Parameters<typeof isTrustedSender>[0] {
  const frame = event.senderFrame;
  return { contentsId: event.sender.id, frameUrl: frame?.url, isMainFrame: frame?.parent === null };
}
