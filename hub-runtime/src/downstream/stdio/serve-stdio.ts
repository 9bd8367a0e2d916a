/**
 * One client on stdin and stdout, both eras on the same pipe: an enveloped message is modern, anything else belongs to the legacy session
 * that `initialize` opens (HT-0.11).
 *
 * The end of stdin is the client's goodbye: answers already being worked out are still written for a short while, then everything is
 * cancelled. stdout carries nothing but messages.
 */
import { isUtf8 } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';

import { type ErrorOutcome, hubError, type HubPort } from '../../exchange/index.ts';
import { rawFromBytes } from '../../wire/index.ts';
import type { EdgeDeps } from '../edge-deps.ts';
import { HubEdge } from '../hub-edge.ts';
import { PipeClient, PipeReply } from '../pipe/index.ts';
import { refuse } from '../refuse.ts';
import { PipeReader } from './pipe-reader.ts';
import { PipeWriter } from './pipe-writer.ts';

export interface StdioOptions extends EdgeDeps {
  readonly hub: HubPort;
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** How long calls in flight may still answer after stdin has ended. */
  readonly goodbyeMs?: number;
}

const goodbyeMs = 1000;
const pollMs = 10;

/** Resolves when the client has gone (or `signal` ended the service) and everything is cleaned up. */
export async function serveStdio(options: StdioOptions, signal?: AbortSignal): Promise<void> {
  const { stdin, stdout, clock } = options;
  const edge = new HubEdge(options.hub, options);
  const pipe = new Pipe(edge, options);
  const patience = options.goodbyeMs ?? goodbyeMs;
  const ended = await new Promise<'end' | 'broken' | 'stopped'>((resolve) => {
    stdin.on('data', (chunk: Buffer | string) =>
      pipe.reader.push(typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk),
    );
    stdin.once('end', () => resolve('end'));
    stdin.once('close', () => resolve('end'));
    stdin.once('error', () => resolve('broken'));
    stdout.once('error', () => resolve('broken'));
    stdout.once('close', () => resolve('broken'));
    if (signal?.aborted === true) resolve('stopped');
    signal?.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  // An EPIPE may follow any write that is still to come.
  stdout.on('error', () => {});
  if (ended === 'end') pipe.reader.end();
  edge.drain();
  const until = clock.monotonic() + patience;
  while (ended !== 'broken' && edge.calls.size > 0 && clock.monotonic() < until)
    await new Promise<void>((resolve) => clock.after(pollMs, resolve));
  pipe.client.close();
  edge.retire();
  stdin.pause();
  await pipe.writer.flush(clock, patience);
}

/** The client with what makes lines of bytes, and back. */
class Pipe {
  readonly reader: PipeReader;
  readonly writer: PipeWriter;
  readonly client: PipeClient;

  constructor(edge: HubEdge, options: StdioOptions) {
    const limits = () => edge.port.graph.config.limits;
    this.writer = new PipeWriter({
      stdout: options.stdout,
      maxWaiting: () => limits().streamBufferBytes,
      onDropped: () => options.observer.count('droppedNotifications', edge.key),
      onFull: () => options.stdin.pause(),
      onRoom: () => options.stdin.resume(),
    });
    this.client = new PipeClient(edge, { out: this.writer });
    const refused = (error: ErrorOutcome, limit?: string): void =>
      refuse(edge, new PipeReply(this.writer, undefined), undefined, error, limit);
    this.reader = new PipeReader(
      () => limits().payloadBytes,
      (line) => {
        const raw = rawFromBytes(line);
        if (raw.trim() === '') return;
        if (isUtf8(line)) this.client.receive(raw);
        else refused(hubError('QM_BAD_JSON', { reason: 'not UTF-8' }));
      },
      () => refused(hubError('QM_BODY_TOO_LARGE', { limit: limits().payloadBytes }), 'payloadBytes'),
    );
  }
}
