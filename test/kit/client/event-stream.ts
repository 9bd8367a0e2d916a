/** A stream of messages the server sends unasked: the legacy GET stream, or one modern `subscriptions/listen`. */
import type { JsonObject, RpcMessage } from '../server/index.ts';
import type { KitClient } from './kit-client.ts';

export interface EventStream extends Disposable {
  /** HTTP status of the opening request; 0 on stdio. */
  readonly status: number;
  readonly messages: readonly RpcMessage[];
  /** True once the server or the test ended it. */
  readonly ended: boolean;
  close(): void;
}

export async function openEventStream(client: KitClient, filter: JsonObject, id: number): Promise<EventStream> {
  return client.era === 'modern' ? openListen(client, filter, id) : openGet(client);
}

async function openGet(client: KitClient): Promise<EventStream> {
  const abort = new AbortController();
  const from = client.unasked.length;
  const { status } = await client.link.openStream(getHeaders(client), abort.signal);
  let ended = status !== 200 && status !== 0;
  const close = (): void => {
    ended = true;
    abort.abort();
  };
  return {
    status,
    get messages() {
      return client.unasked.slice(from);
    },
    get ended() {
      return ended;
    },
    close,
    [Symbol.dispose]: close,
  };
}

function getHeaders(client: KitClient): Record<string, string> {
  return client.headersFor('', {}, { 'content-type': null, accept: 'text/event-stream' });
}

/** Resolves with the first message, which has to be the acknowledgement; the test looks whether it is. */
async function openListen(client: KitClient, filter: JsonObject, id: number): Promise<EventStream> {
  const abort = new AbortController();
  const messages: RpcMessage[] = [];
  const first = Promise.withResolvers<void>();
  let status = 0;
  let ended = false;
  const params = { notifications: filter, _meta: client.envelope() };
  const exchange = client.link.exchange({
    message: { jsonrpc: '2.0', id, method: 'subscriptions/listen', params },
    headers: client.headersFor('subscriptions/listen', params),
    signal: abort.signal,
    onHead: (head) => void (status = head.status),
    onMessage: ({ message }) => {
      messages.push(message);
      first.resolve();
    },
  });
  const end = (): void => {
    ended = true;
    first.resolve();
  };
  exchange.then(end, end);
  await first.promise;
  const close = (): void => {
    if (client.link.transport !== 'http' && !ended) void client.notify('notifications/cancelled', { requestId: id });
    abort.abort();
  };
  return {
    status,
    messages,
    get ended() {
      return ended;
    },
    close,
    [Symbol.dispose]: close,
  };
}
