/**
 * From a message to an answer. Every input is checked against the contract before a handler sees it; what a handler
 * throws leaves as an error of ours, and anything else as “internal”, with its details in the log and nowhere else.
 */
import {
  type CallMessage,
  type CommandName,
  type ServerMessage,
  isCommandName,
  parseInput,
} from '../../src-shared/api/index.ts';
import { CairnError } from '../../src-shared/errors.ts';
import type { Ports } from '../engine/kernel/index.ts';
import { wireErrorOf } from '../engine/desk/index.ts';
import type { Handlers } from './handlers.ts';
import type { PasswordGuard } from './password-guard.ts';
import { Turns } from './turns.ts';

/** What takes memory or a processor for a moment is done a few at a time, whoever asks. */
const TURNS_WAITING_MAX = 64;
const AT_ONCE: Partial<Record<CommandName, number>> = {
  'browse.preview': 2,
  'browse.list': 4,
  'integrity.status': 2,
  'app.doctor': 1,
  // scrypt takes 128 MB.
  'sets.create': 1,
  'sets.adopt': 1,
  'destinations.unlock': 1,
  'keys.changePassword': 1,
};

export type Reply = Extract<ServerMessage, { readonly kind: 'reply' }>;
/** The guard is of the client's session, where sessions are guarded. */
export type Dispatch = (call: CallMessage, guard?: PasswordGuard) => Promise<Reply>;

export function createDispatch(handlers: Handlers, ports: Pick<Ports, 'log'>): Dispatch {
  const turns = new Map(Object.entries(AT_ONCE).map(([name, atOnce]) => [name, new Turns(atOnce, TURNS_WAITING_MAX)]));
  return async ({ id, command, input }, guard) => {
    try {
      if (!isCommandName(command)) throw unknownCommand(command);
      const work = (): Promise<unknown> => answer(handlers, command, input, guard);
      const value = await (turns.get(command)?.take(work) ?? work());
      return { kind: 'reply', id, ok: true, value };
    } catch (error) {
      return { kind: 'reply', id, ok: false, error: wireErrorOf(error, ports) };
    }
  };
}

async function answer<Name extends CommandName>(
  handlers: Handlers,
  command: Name,
  input: unknown,
  guard: PasswordGuard | undefined,
): Promise<unknown> {
  const parsed = parseInput(command, input);
  guard?.before(command, parsed);
  const handler: Handlers[Name] = handlers[command];
  const value = await handler(parsed);
  guard?.after(command, parsed, value);
  return value;
}

const NAME_SHOWN_MAX = 80;

function unknownCommand(command: string): CairnError {
  return new CairnError('usage/invalid', `There is no command “${command.slice(0, NAME_SHOWN_MAX)}”.`, {
    hint: 'Nothing was done. The window is of another version than the engine; reload it.',
  });
}
