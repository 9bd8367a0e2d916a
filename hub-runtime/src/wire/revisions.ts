/** Protocol revisions and the names the wire uses, from the MCP specification. */
export const modernRevision = '2026-07-28';
/** Newest first: the order in which the hub offers them. */
export const legacyRevisions = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;
export const latestLegacyRevision = legacyRevisions[0];
/** What a legacy request without the MCP-Protocol-Version header speaks (basic/transports, 2025-06-18). */
export const assumedLegacyRevision = '2025-03-26';

/** Reserved `_meta` keys of 2026-07-28. */
export const metaKey = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
  progressToken: 'progressToken',
  /** Ours: which server answered; in a request, which server a vendor method is meant for. */
  upstream: 'dev.quaymaster/upstream',
  /** Ours: the hubs that a request has passed, the first one first; of a listed item those behind which it stands, the nearest first. */
  hops: 'dev.quaymaster/hops',
  /** Ours, among the extensions (older: experimental capabilities) of a server: it is a hub. */
  hub: 'dev.quaymaster/hub',
  /** Ours: stable code, severity and retry of a failure that the hub tells as a result of a tool. */
  error: 'dev.quaymaster/error',
} as const;

/** JSON-RPC 2.0 and MCP error codes (protocol.md of the specification, basic/index and 2026-07-28 errors). */
export const rpcCode = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** Legacy only: resource not found. */
  legacyResourceNotFound: -32002,
  /** Legacy only: a URL elicitation is needed first. */
  legacyUrlElicitationRequired: -32042,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;
