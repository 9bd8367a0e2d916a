/**
 * Reads one JSON-RPC message: checks all of it against RFC 8259, records where the parts lie that the hub decides on.
 *
 * When it runs: once per message, at the edge where the bytes arrive. It records the members of the message itself, of
 * `params` and `result`, and of their `_meta`; everything deeper is only checked and later forwarded as bytes.
 * Bounds: depth and number of values are counted here, before anything is built. Duplicate keys in a recorded object
 * are refused, since two parsers may disagree on which one counts (request smuggling).
 * It never throws on input; a fault comes back as data.
 */
import { isUtf8 } from 'node:buffer';

import { decodeText, parseRaw, type RawJson } from './raw.ts';
import {
  defaultScanLimits,
  LimitFault,
  type ScanLimits,
  type ScannedObject,
  Scanner,
  ShapeFault,
  SyntaxFault,
} from './scanner.ts';

export interface ScannedMessage {
  readonly raw: RawJson;
  readonly kind: 'request' | 'notification' | 'response';
  /** Raw id, type preserved (`1`, `"1"`, `null`). Absent on notifications. */
  readonly id: RawJson | undefined;
  readonly method: string;
  readonly params: ScannedObject | undefined;
  readonly result: ScannedObject | undefined;
  readonly error: RawJson | undefined;
}

export interface ScanFault {
  readonly kind: 'fault';
  /** `syntax` -> -32700; `shape` -> -32600; `params` -> -32602; `limit` -> -32600, refused for its size. `batch`: a JSON array, see scanBatch. */
  readonly fault: 'syntax' | 'shape' | 'params' | 'limit' | 'batch';
  readonly message: string;
  /** The request's id, when it could be read. */
  readonly id: RawJson | undefined;
}

/** Scans one message. */
export function scanMessage(raw: RawJson, limits: ScanLimits = defaultScanLimits): ScannedMessage | ScanFault {
  const scanner = new Scanner(raw, limits);
  const draft = new Draft();
  try {
    scanner.space();
    if (raw.charCodeAt(scanner.position) === 91)
      return { kind: 'fault', fault: 'batch', message: 'JSON-RPC batches are not accepted here', id: undefined };
    readEnvelope(scanner, raw, draft);
    scanner.end();
    scanner.utf8();
    return draft.finish(raw);
  } catch (error) {
    return faultOf(error, draft.id);
  }
}

/** Scans the elements of a batch (2025-03-26 only). A fault inside one element concerns only that element. */
export function scanBatch(
  raw: RawJson,
  maxElements: number,
  limits: ScanLimits = defaultScanLimits,
): readonly (ScannedMessage | ScanFault)[] | ScanFault {
  const scanner = new Scanner(raw, limits);
  const elements: (ScannedMessage | ScanFault)[] = [];
  try {
    scanner.space();
    scanner.position++;
    scanner.space();
    if (raw.charCodeAt(scanner.position) === 93) throw new ShapeFault('an empty batch');
    for (;;) {
      const start = scanner.position;
      scanner.value(1);
      if (elements.length >= maxElements) throw new LimitFault(`more than ${maxElements} messages in one batch`);
      elements.push(scanMessage(raw.slice(start, scanner.position) as RawJson, limits));
      scanner.space();
      const code = raw.charCodeAt(scanner.position++);
      if (code === 93) break;
      if (code !== 44) throw new SyntaxFault('expected "," or "]"');
      scanner.space();
    }
    scanner.end();
    scanner.utf8();
    return elements;
  } catch (error) {
    return faultOf(error, undefined);
  }
}

class Draft {
  id: RawJson | undefined;
  method: string | undefined;
  params: ScannedObject | undefined;
  paramsFault = false;
  result: ScannedObject | undefined;
  hasResult = false;
  error: RawJson | undefined;
  version = false;

  finish(raw: RawJson): ScannedMessage | ScanFault {
    const { id, method, params, result, error } = this;
    const fault = (kind: 'shape' | 'params', message: string): ScanFault => ({
      kind: 'fault',
      fault: kind,
      message,
      id,
    });
    if (!this.version) return fault('shape', '"jsonrpc" must be "2.0"');
    if (method !== undefined) {
      if (this.hasResult || error !== undefined) return fault('shape', 'a message is either a request or a response');
      if (this.paramsFault) return fault('params', '"params" must be an object');
      if (id === 'null') return { kind: 'fault', fault: 'shape', message: '"id" must not be null', id: undefined };
      return {
        raw,
        kind: id === undefined ? 'notification' : 'request',
        id,
        method,
        params,
        result: undefined,
        error: undefined,
      };
    }
    if (this.hasResult === (error !== undefined)) return fault('shape', 'neither a request nor a response');
    if (this.hasResult && result === undefined) return fault('shape', '"result" must be an object');
    return { raw, kind: 'response', id, method: '', params: undefined, result, error };
  }
}

function readEnvelope(scanner: Scanner, raw: RawJson, draft: Draft): void {
  if (raw.charCodeAt(scanner.position) !== 123) {
    scanner.value(0);
    scanner.end();
    throw new ShapeFault('a JSON-RPC message is an object');
  }
  scanner.position++;
  scanner.space();
  if (raw.charCodeAt(scanner.position) === 125) {
    scanner.position++;
    return;
  }
  let seen = 0;
  for (;;) {
    const key = scanner.key();
    const start = scanner.position;
    const code = raw.charCodeAt(start);
    const bit =
      key === 'jsonrpc'
        ? 1
        : key === 'id'
          ? 2
          : key === 'method'
            ? 4
            : key === 'params'
              ? 8
              : key === 'result'
                ? 16
                : key === 'error'
                  ? 32
                  : 0;
    if ((seen & bit) !== 0) throw new ShapeFault(`"${key}" appears twice in one message`);
    seen |= bit;
    if ((bit === 8 || bit === 16) && code === 123) {
      const object = scanner.object(1, true);
      if (bit === 8) draft.params = object;
      else draft.result = object;
    } else scanner.value(1);
    const end = scanner.position;
    if (bit === 1) draft.version = raw.slice(start, end) === '"2.0"';
    else if (bit === 2) {
      if (code !== 34 && code !== 110 && code !== 45 && !(code >= 48 && code <= 57))
        throw new ShapeFault('"id" must be a string or a number');
      draft.id = raw.slice(start, end) as RawJson;
    } else if (bit === 4) {
      if (code !== 34) throw new ShapeFault('"method" must be a string');
      const inner = raw.slice(start + 1, end - 1);
      draft.method = inner.includes('\\') ? String(parseRaw(raw.slice(start, end))) : decodeText(inner);
    } else if (bit === 8) draft.paramsFault = code !== 123;
    else if (bit === 16) draft.hasResult = true;
    else if (bit === 32) draft.error = raw.slice(start, end) as RawJson;
    scanner.space();
    const next = raw.charCodeAt(scanner.position++);
    if (next === 125) return;
    if (next !== 44) throw new SyntaxFault('expected "," or "}"');
    scanner.space();
  }
}

function faultOf(error: unknown, read: RawJson | undefined): ScanFault {
  // It goes into an answer, and the rest of the message has not been looked at.
  const id = read !== undefined && isUtf8(Buffer.from(read, 'latin1')) ? read : undefined;
  if (error instanceof SyntaxFault) return { kind: 'fault', fault: 'syntax', message: error.message, id: undefined };
  if (error instanceof LimitFault) return { kind: 'fault', fault: 'limit', message: error.message, id };
  if (error instanceof ShapeFault) return { kind: 'fault', fault: 'shape', message: error.message, id };
  throw error;
}
