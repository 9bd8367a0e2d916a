/**
 * One call from the command line, through the same router as every client's. The caller is this user, on the private socket.
 *
 * Off the hot path: here, and only here, a request is built from plain data.
 */
import { anonymous, Cancellation, type Exchange, type HubPort } from '../../exchange/index.ts';
import {
  defaultScanLimits,
  modernRevision,
  parseRaw,
  rawOf,
  type RawJson,
  scanMessage,
  type ScannedObject,
} from '../../wire/index.ts';
import type { CallAnswer, CallRequest } from '../control/index.ts';

export async function callTool(hub: HubPort, request: CallRequest): Promise<CallAnswer> {
  const exchange: Exchange = {
    method: 'tools/call',
    params: scanParams({ name: request.tool, arguments: request.arguments }),
    caller: {
      era: 'modern',
      revision: modernRevision,
      principal: anonymous,
      session: undefined,
      capabilities: '{}' as RawJson,
      clientInfo: rawOf({ name: 'qm call', version: '1' }),
    },
    graph: hub.graph,
    leg: {
      id: '1' as RawJson,
      progressToken: undefined,
      logLevel: undefined,
      cancellation: new Cancellation(),
      notify: () => {},
    },
  };
  const outcome = await hub.handle(exchange);
  switch (outcome.kind) {
    case 'result':
      return { kind: 'result', result: asRecord(parseRaw(sliceOf(outcome.result))) };
    case 'ready':
      return { kind: 'result', result: asRecord(parseRaw(outcome.result)) };
    case 'inputRequired':
      return {
        kind: 'error',
        code: -32021,
        message: 'the tool asks questions that the command line cannot answer',
        data: undefined,
      };
    case 'error':
      return {
        kind: 'error',
        code: outcome.code,
        message: outcome.message,
        data: outcome.data === undefined ? undefined : parseRaw(outcome.data),
      };
  }
}

function scanParams(params: object): ScannedObject | undefined {
  const message = rawOf({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const scanned = scanMessage(message, { ...defaultScanLimits, nodes: 1_000_000 });
  return scanned.kind === 'fault' ? undefined : scanned.params;
}

function sliceOf(object: ScannedObject): string {
  return object.raw.slice(object.start, object.end);
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
