/**
 * JSON-RPC and MCP names the kit needs, written down once more on purpose: the kit must not share code with the hub,
 * or a wrong constant there would be wrong on both sides of every test and never be seen.
 */
export type RpcId = string | number | null;
export type JsonObject = Record<string, unknown>;
export type EraName = 'modern' | 'legacy';

export interface RpcMessage {
  jsonrpc?: string;
  id?: RpcId;
  method?: string;
  params?: JsonObject;
  result?: JsonObject;
  error?: RpcError;
}

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

export const modernVersion = '2026-07-28';
/** Newest first: a server answers an unknown version with its first one. */
export const legacyVersions = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

export const rpcCode = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  legacyServerError: -32000,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;

export const metaKey = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
  logLevel: 'io.modelcontextprotocol/logLevel',
} as const;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Thrown inside the scripted server to answer with a JSON-RPC error. */
export class RpcFailure extends Error {
  readonly rpc: RpcError;
  /** HTTP status a modern answer carries; legacy answers stay 200. */
  readonly status: number | undefined;
  constructor(code: number, message: string, data?: unknown, status?: number) {
    super(message);
    this.rpc = data === undefined ? { code, message } : { code, message, data };
    this.status = status;
  }
}
