/** Which transport leads to a target: stdio, HTTP, WebSocket, or a process of ours that listens on HTTP itself. */
import type { ServerConfig } from '@quaymaster/crds';

import type { Clock } from '../base/index.ts';
import { type Child, ChildError, startListeningChild } from '../bridge/index.ts';
import type { ServerTarget } from '../exchange/index.ts';
import { capsOf } from './caps-of.ts';
import { ConnectError, type Connector, type Conversation, type ConversationEnd } from './conversation.ts';
import { createHttpConnector } from './http/index.ts';
import { createStdioConnector } from './stdio/index.ts';
import type { UpstreamDeps } from './upstream-deps.ts';
import { createSocketConnector } from './websocket/index.ts';

type HttpTarget = Extract<ServerTarget, { kind: 'http' }>;

/** `config` gives the settings of the moment. */
export function connectorFor(target: ServerTarget, config: () => ServerConfig, deps: UpstreamDeps): Connector {
  if (deps.connectorFor !== undefined) return deps.connectorFor(target, config);
  if (target.kind === 'http') {
    const http =
      config().transport === 'websocket'
        ? createSocketConnector(config, target, deps)
        : createHttpConnector(config, target, deps);
    const { process } = target;
    return process === undefined ? http : besideProcess(http, { target, process, config, deps });
  }
  const { key } = config();
  const { clock, log, children, hubInfo, serverLog } = deps;
  const stderr = serverLog === undefined ? undefined : (line: string): void => serverLog(key, line);
  return createStdioConnector(config, { clock, log, target, children, hubInfo, stderr });
}

/** A process of ours, and where it listens. */
interface ListeningServer {
  readonly target: HttpTarget;
  readonly process: NonNullable<HttpTarget['process']>;
  readonly config: () => ServerConfig;
  readonly deps: UpstreamDeps;
}

/**
 * The process and the conversation live and die together. Only the primary conversation brings the process up; those of single clients
 * use the one that runs.
 */
function besideProcess(http: Connector, server: ListeningServer): Connector {
  return {
    async connect(request, signal) {
      if (request.purpose === 'client') return http.connect(request, signal);
      const child = await startProcess(server, signal);
      try {
        return withProcess(await http.connect(request, signal), child, server.deps.clock);
      } catch (error) {
        await child.stop(0);
        throw error;
      }
    },
  };
}

async function startProcess({ target, process, config, deps }: ListeningServer, signal: AbortSignal): Promise<Child> {
  const { clock, log, children, serverLog } = deps;
  const { key, timeouts } = config();
  const url = new URL(target.url);
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const stderr = serverLog === undefined ? undefined : (line: string): void => serverLog(key, line);
  const where = { host: url.hostname, port, timeoutMs: timeouts.startMs };
  try {
    return await startListeningChild(
      { ...process, caps: capsOf(config()) },
      where,
      { clock, log, children, server: key, stderr },
      signal,
    );
  } catch (error) {
    if (error instanceof ChildError) throw new ConnectError(error.reason, error.message, error.retryable, error);
    throw error;
  }
}

const graceMs = 1_000;
/** For calls in flight to a process that is gone: their connections end, and what was never sent goes to its successor. */
const lingerMs = 500;

function withProcess(inner: Conversation, child: Child, clock: Clock): Conversation {
  let closed = false;
  let ended: ConversationEnd | undefined;
  let tell: Parameters<Conversation['onClosed']>[0] | undefined;
  let stopLingering = (): void => {};
  const close = async (reason: string): Promise<void> => {
    closed = true;
    stopLingering();
    await inner.close(reason);
    await child.stop(graceMs);
  };
  const end = (reason: string, message: string): void => {
    if (closed) return;
    closed = true;
    ended = { reason, message };
    void child.stop(graceMs);
    stopLingering = clock.after(lingerMs, () => void inner.close(message));
    tell?.(ended);
  };
  inner.onClosed(({ reason, message }) => end(reason, message));
  child.onExit(({ message }) => end('Exited', `the server ${message}`));
  return {
    era: inner.era,
    transport: inner.transport,
    pid: child.pid,
    notice: child.notice,
    get revision() {
      return inner.revision;
    },
    get serverInfo() {
      return inner.serverInfo;
    },
    get instructions() {
      return inner.instructions;
    },
    get capabilities() {
      return inner.capabilities;
    },
    get heard() {
      return inner.heard;
    },
    get inFlight() {
      return inner.inFlight;
    },
    send: (call) => inner.send(call),
    notify: (method, params) => inner.notify?.(method, params),
    request: (method, params, timeoutMs) => inner.request(method, params, timeoutMs),
    refresh: async (timeoutMs) => inner.refresh?.(timeoutMs),
    watchResource: async (uri) => inner.watchResource?.(uri),
    unwatchResource: (uri) => inner.unwatchResource?.(uri),
    onNotification: (listener) => inner.onNotification(listener),
    onClosed(listener) {
      tell = listener;
      if (ended !== undefined) listener(ended);
    },
    close,
  };
}
