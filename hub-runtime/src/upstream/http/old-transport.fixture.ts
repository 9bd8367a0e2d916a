/** Servers that speak HTTP+SSE of 2024-11-05 over real sockets, and conversations with them. */
import { afterEach } from 'vitest';

import type { Outcome } from '../../exchange/index.ts';
import type { ConversationEnd } from '../conversation.ts';
import {
  closeWorld,
  openTo,
  type Options,
  resultOf,
  type SseScript,
  type SseServer,
  startSseServer,
} from '../testing/index.ts';

type Opened = Awaited<ReturnType<typeof openTo>>;

export interface SseStage {
  serve(script?: SseScript): Promise<SseServer>;
  connected(
    script?: SseScript,
    options?: Options,
  ): Promise<Opened & { readonly server: SseServer; readonly ends: ConversationEnd[] }>;
}

export const echo: SseScript = { answer: ({ method, params }) => (method === 'tools/call' ? { echoed: params } : {}) };
export const asPrimary = { purpose: 'primary', caller: undefined, verdict: undefined } as const;
export const textOf = (outcome: Outcome): string => JSON.stringify(resultOf(outcome));
export const methodsOf = (server: SseServer, session = 0): unknown[] =>
  (server.sessions[session]?.received ?? []).map(({ method }) => method);

/** All of it is gone after each test of the file that calls it. */
export function useSse(): SseStage {
  const servers: SseServer[] = [];
  afterEach(async () => {
    await closeWorld();
    for (const one of servers.splice(0)) await one.close();
  });
  const serve = async (script: SseScript = {}): Promise<SseServer> => {
    const server = await startSseServer(script);
    servers.push(server);
    return server;
  };
  return {
    serve,
    async connected(script = echo, options = {}) {
      const server = await serve(script);
      const opened = await openTo(options, server.url);
      const ends: ConversationEnd[] = [];
      opened.conversation.onClosed((end) => ends.push(end));
      return { server, ends, ...opened };
    },
  };
}
