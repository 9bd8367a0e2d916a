/**
 * The scripted server on one pipe (stdin and stdout, a WebSocket, an old event stream): newline-delimited JSON, one conversation, the era told by each message.
 * Answers leave as soon as they are known, in any order; a request without an envelope is a legacy one.
 */
import { metaKey, isObject, modernVersion, rpcCode } from './rpc.ts';
import type { EraName, JsonObject, RpcMessage } from './rpc.ts';
import type { Reply } from './reply.ts';
import type { ScriptedServer, Subscriber } from './scripted-server.ts';

export interface StdioPorts {
  readonly write: (text: string | Buffer) => void;
  readonly noise: (channel: 'stdout' | 'stderr', text: string) => void;
  /** Names the conversation where a server has several. */
  readonly connection?: string;
  /** It hears of changes from now on; whoever ends the conversation takes it off. */
  readonly subscribed?: (subscriber: Subscriber) => void;
}

/** Returns the function that takes one line. */
export function serveStdio(server: ScriptedServer, ports: StdioPorts): (line: string) => void {
  const send = (message: RpcMessage) => ports.write(`${JSON.stringify(message)}\n`);
  const questions = new Map<string, (answer: unknown) => void>();
  const { connection = 'stdio' } = ports;
  let asked = 0;
  let version = '2025-03-26';
  let capabilities: JsonObject = {};

  const ask = (method: string, params: JsonObject): Promise<unknown> => {
    asked += 1;
    const id = `kit-ask-${asked}`;
    send({ jsonrpc: '2.0', id, method, params });
    return new Promise((resolve) => questions.set(id, resolve));
  };

  const request = (message: RpcMessage & { id: string | number }, era: EraName, envelope: JsonObject): void => {
    const abort = new AbortController();
    const tracked = server.track(connection, message, abort);
    const leave = (text: string | Buffer) => {
      tracked[Symbol.dispose]();
      ports.write(text);
    };
    const declared = envelope[metaKey.clientCapabilities];
    const reply: Reply = {
      transport: 'stdio',
      era,
      version: era === 'modern' ? modernVersion : version,
      sessionId: undefined,
      headers: {},
      clientCapabilities: era === 'modern' && isObject(declared) ? declared : capabilities,
      signal: abort.signal,
      notify: send,
      cork: () => undefined,
      answer: (answer) => leave(`${JSON.stringify(answer)}\n`),
      text: (raw) => leave(`${raw}\n`),
      split: (answer, pauseMs) => {
        const bytes = Buffer.from(`${JSON.stringify(answer)}\n`);
        const special = bytes.findIndex((byte) => byte > 0x7f);
        const at = special < 0 ? bytes.length >> 1 : special + 1;
        ports.write(bytes.subarray(0, at));
        setTimeout(() => leave(bytes.subarray(at)), pauseMs);
      },
      cut: (answer) => leave(JSON.stringify(answer).slice(0, -20)),
      status: () => undefined,
      stream: () => undefined,
      noise: ports.noise,
      ask,
    };
    void server.answer(message, reply);
  };

  return (line) => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      send({ jsonrpc: '2.0', id: null, error: { code: rpcCode.parse, message: 'Parse error' } });
      return;
    }
    if (!isObject(parsed)) return;
    const message = parsed as RpcMessage;
    const envelope = isObject(message.params?.['_meta']) ? message.params['_meta'] : {};
    const claimed = envelope[metaKey.protocolVersion] !== undefined;
    const era: EraName = claimed && server.serves('modern') ? 'modern' : 'legacy';
    server.recorder.add({
      atMs: performance.now() - server.startedAt,
      transport: 'stdio',
      era,
      sessionId: undefined,
      method: message.method,
      id: message.id,
      headers: {},
      raw: line,
      message: parsed,
    });
    if (message.method === undefined) {
      const waiting = questions.get(String(message.id));
      questions.delete(String(message.id));
      server.recorder.answers.push(message.result ?? message.error);
      waiting?.(message.result ?? message.error);
      return;
    }
    if (message.id === undefined || message.id === null) {
      server.notified(connection, message);
      return;
    }
    const { id } = message;
    if (!claimed && !server.serves('legacy')) {
      const data = { supported: [modernVersion] };
      send({
        jsonrpc: '2.0',
        id,
        error: { code: rpcCode.unsupportedVersion, message: 'Unsupported protocol version', data },
      });
      return;
    }
    if (message.method === 'initialize') {
      const asks = message.params?.['protocolVersion'];
      if (typeof asks === 'string') version = asks;
      capabilities = isObject(message.params?.['capabilities']) ? message.params['capabilities'] : {};
      const subscriber = { wants: () => true, deliver: send };
      server.subscribers.add(subscriber);
      ports.subscribed?.(subscriber);
    }
    request({ ...message, id }, era, envelope);
  };
}
