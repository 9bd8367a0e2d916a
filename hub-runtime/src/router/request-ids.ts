/**
 * The id under which a request is found in log, audit and trace (EF-71): the trace id when the client sent one, otherwise the hub's own.
 *
 * Never the client's JSON-RPC id: two clients use equal ones. `run` tells the runs of a process apart.
 */
import type { Exchange } from '../exchange/index.ts';
import { memberString } from '../wire/index.ts';

/** W3C trace context, version 00: `00-<32 hex>-<16 hex>-<2 hex>`; a trace id of zeros is invalid. */
const traceparent = /^00-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function createRequestIds(run: string): (exchange: Exchange) => string {
  let last = 0;
  return (exchange) => {
    const meta = exchange.params?.meta;
    const parent = meta === undefined ? undefined : memberString(meta, 'traceparent');
    const trace = parent === undefined ? null : traceparent.exec(parent);
    return trace?.[1] ?? `${run}-${++last}`;
  };
}
