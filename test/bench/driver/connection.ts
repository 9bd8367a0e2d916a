/** One keep-alive connection of the load driver: its session, its calls one after the other, each answer verified. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { HttpAnswerReader, messageText } from './http-answer-reader.ts';
import type { HttpAnswer } from './http-answer-reader.ts';
import type { Plan } from './plan.ts';

const answerTimeoutMs = 30_000;
const modernMeta =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}';

interface RpcAnswer {
  id?: unknown;
  result?: { content?: { text?: string }[]; tools?: unknown[]; nextCursor?: string };
}

interface Waiting {
  resolve: (answer: HttpAnswer) => void;
  reject: (error: Error) => void;
}

export class Connection {
  readonly #plan: Plan;
  readonly #number: number;
  readonly #path: string;
  readonly #host: string;
  readonly #socket: Socket;
  readonly #reader = new HttpAnswerReader();
  #waiting: Waiting | undefined;
  #session = '';
  #calls = 0;

  constructor(plan: Plan, number: number) {
    const url = new URL(plan.url);
    this.#plan = plan;
    this.#number = number;
    this.#path = url.pathname;
    this.#host = url.host;
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    this.#socket.setTimeout(answerTimeoutMs, () => this.#socket.destroy(new Error('no answer in time')));
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        const answer = this.#reader.feed(chunk);
        if (answer !== undefined) this.#settle((one) => one.resolve(answer));
      } catch (error) {
        this.#socket.destroy(error as Error);
      }
    });
    this.#socket.on('error', (error) => this.#settle((one) => one.reject(error)));
    this.#socket.on('close', () => this.#settle((one) => one.reject(new Error('connection closed'))));
  }

  async open(): Promise<void> {
    if (this.#plan.era === 'modern') return;
    const hello = `{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}`;
    const answer = await this.#exchange(hello, '');
    const session = /\r\nmcp-session-id: *([^\r]+)/i.exec(answer.head)?.[1];
    if (answer.status !== 200) throw new Error(`initialize answered ${answer.status}: ${answer.body.slice(0, 200)}`);
    this.#session = `mcp-protocol-version: 2025-11-25\r\n${session === undefined ? '' : `mcp-session-id: ${session}\r\n`}`;
    await this.#exchange('{"jsonrpc":"2.0","method":"notifications/initialized"}', '');
  }

  /** One verified call; the text of what was wrong, or undefined. */
  async call(): Promise<string | undefined> {
    this.#calls += 1;
    // Equal ids on all connections: a target that mixes callers up is caught by the payload.
    const id = this.#calls;
    const { method, tool, era } = this.#plan;
    const text = `payload ${this.#number}/${this.#calls}`;
    const modern = era === 'modern';
    const meta = modern ? modernMeta : '';
    const params =
      method === 'tools/list'
        ? `{${meta}}`
        : `{"name":"${tool}","arguments":{"text":"${text}"}${modern ? ',' : ''}${meta}}`;
    const headers = modern
      ? `mcp-protocol-version: 2026-07-28\r\nmcp-method: ${method}\r\n${method === 'tools/list' ? '' : `mcp-name: ${tool}\r\n`}`
      : '';
    const answer = await this.#exchange(
      `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`,
      headers,
    );
    if (answer.status !== 200) return `HTTP status ${answer.status}: ${answer.body.slice(0, 200)}`;
    const message = JSON.parse(messageText(answer)) as RpcAnswer;
    if (message.id !== id) return `id ${String(message.id)} instead of ${id}`;
    if (method === 'tools/list') {
      const count = message.result?.tools?.length;
      return count === this.#plan.expectedTools ? undefined : `${count} tools instead of ${this.#plan.expectedTools}`;
    }
    const got = message.result?.content?.[0]?.text;
    return got === text ? undefined : `payload ${got ?? JSON.stringify(message).slice(0, 200)} instead of ${text}`;
  }

  /** Ends the session, so that thousands of rounds do not leave thousands of sessions behind. */
  async close(): Promise<void> {
    if (this.#session.includes('mcp-session-id')) {
      this.#socket.write(
        `DELETE ${this.#path} HTTP/1.1\r\nhost: ${this.#host}\r\n${this.#session}connection: close\r\n\r\n`,
      );
      await new Promise((resolve) => this.#socket.once('close', resolve).resume());
    }
    this.#socket.destroy();
  }

  #exchange(body: string, headers: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('connection closed'));
        return;
      }
      this.#waiting = { resolve, reject };
      this.#socket.write(
        `POST ${this.#path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n${headers}${this.#session}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
  }

  #settle(act: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) act(waiting);
  }
}
