/** A page without a browser: takes a link of `cairn serve` the way src-shared/api/web.ts says, and calls commands. */
import { decode, encode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import type { CommandName, EngineEvent, InputOf, ServerMessage, ValueOf } from '../../src-shared/api/index.ts';
import {
  WEB_CSRF_PROTOCOL_PREFIX,
  WEB_PROTOCOL,
  WEB_SESSION_PATH,
  WEB_SOCKET_PATH,
  WEB_TOKEN_KEY,
} from '../../src-shared/api/web.ts';

export class WebClient {
  readonly #socket: WebSocket;
  readonly #replies = new Map<number, (message: Extract<ServerMessage, { kind: 'reply' }>) => void>();
  readonly events: EngineEvent[] = [];
  readonly closed: Promise<number>;
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('message', (data: Buffer) => {
      const message = decode(data) as ServerMessage;
      if (message.kind === 'event') this.events.push(message.event);
      if (message.kind === 'reply') this.#replies.get(message.id)?.(message);
    });
  }

  static async open(link: string): Promise<WebClient> {
    const { origin, host, hash } = new URL(link);
    const token = hash.slice(`#${WEB_TOKEN_KEY}=`.length);
    const answer = await fetch(`${origin}${WEB_SESSION_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin },
      body: JSON.stringify({ token }),
    });
    if (answer.status !== 200) throw new Error(`no session: ${answer.status}`);
    const { csrf } = (await answer.json()) as { readonly csrf: string };
    const cookie = answer.headers.getSetCookie()[0]!.split(';')[0]!;
    const protocols = [WEB_PROTOCOL, `${WEB_CSRF_PROTOCOL_PREFIX}${csrf}`];
    const socket = new WebSocket(`ws://${host}${WEB_SOCKET_PATH}`, protocols, { origin, headers: { cookie } });
    const client = new WebClient(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return client;
  }

  call<Name extends CommandName>(command: Name, input: InputOf<Name>): Promise<ValueOf<Name>> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#replies.set(id, (reply) => {
        this.#replies.delete(id);
        if (reply.ok) resolve(reply.value as ValueOf<Name>);
        else reject(new Error(`${reply.error.code}: ${reply.error.message}`));
      });
      this.#socket.send(encode({ kind: 'call', id, command, input }, { ignoreUndefined: true }));
    });
  }

  close(): void {
    this.#socket.close();
  }
}
