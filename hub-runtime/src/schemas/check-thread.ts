/**
 * The thread that compiles schemas and checks values, one after the other; a program of its own in the bundle.
 *
 * Here and not in the event loop, because both texts come from outside: a schema may take long to compile and a pattern for ever to match.
 * Whoever started the thread watches the time and ends it.
 */
import { parentPort } from 'node:worker_threads';

import { CompiledSchemas } from './compiled-schemas.ts';
import type { CheckAnswer, ThreadRequest } from './thread-messages.ts';

const schemas = new CompiledSchemas();

parentPort?.on('message', (request: ThreadRequest) => {
  if ('forget' in request) {
    schemas.forget(request.forget);
    return;
  }
  const { n, schema, text, value } = request;
  const verdict = schemas.check(schema, text === undefined ? undefined : utf8(text), utf8(value));
  parentPort?.postMessage({ n, verdict } satisfies CheckAnswer);
});
parentPort?.postMessage('ready');

/** Bytes come one per character. */
function utf8(raw: string): string {
  return Buffer.from(raw, 'latin1').toString('utf8');
}
