/** Protocol revisions and the names the wire uses, from the MCP specification. */
export declare const modernRevision = '2026-07-28';
/** Newest first: the order in which the hub offers them. */
export declare const legacyRevisions: readonly ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
export declare const latestLegacyRevision: '2025-11-25';
/** What a legacy request without the MCP-Protocol-Version header speaks (basic/transports, 2025-06-18). */
export declare const assumedLegacyRevision = '2025-03-26';
/** Reserved `_meta` keys of 2026-07-28. */
export declare const metaKey: {
  readonly protocolVersion: 'io.modelcontextprotocol/protocolVersion';
  readonly clientCapabilities: 'io.modelcontextprotocol/clientCapabilities';
  readonly clientInfo: 'io.modelcontextprotocol/clientInfo';
  readonly serverInfo: 'io.modelcontextprotocol/serverInfo';
  readonly logLevel: 'io.modelcontextprotocol/logLevel';
  readonly subscriptionId: 'io.modelcontextprotocol/subscriptionId';
  readonly progressToken: 'progressToken';
  /** Ours: which server answered; in a request, which server a vendor method is meant for. */
  readonly upstream: 'dev.quaymaster/upstream';
};
/** JSON-RPC 2.0 and MCP error codes (protocol.md of the specification, basic/index and 2026-07-28 errors). */
export declare const rpcCode: {
  readonly parseError: -32700;
  readonly invalidRequest: -32600;
  readonly methodNotFound: -32601;
  readonly invalidParams: -32602;
  readonly internalError: -32603;
  /** Legacy only: resource not found. */
  readonly legacyResourceNotFound: -32002;
  /** Legacy only: a URL elicitation is needed first. */
  readonly legacyUrlElicitationRequired: -32042;
  readonly headerMismatch: -32020;
  readonly missingCapability: -32021;
  readonly unsupportedVersion: -32022;
};
