/**
 * Headers of a request that the hub writes itself: a configured value would break the protocol or smuggle a request.
 *
 * One list for the rule in the schema and for the lane that sends. It stands apart from the schema's source, which loads zod.
 */
export const reservedHeaders: readonly string[] = [
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
