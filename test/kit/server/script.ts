/**
 * What a scripted MCP server is told to do. Plain JSON, so that it crosses process borders as a command line argument or
 * a file. Every field is optional; the empty script is a correct dual-era server with the tools `echo` and `whoami`.
 * Times are milliseconds.
 */
import type { JsonObject, RpcError } from './rpc.ts';

export interface ServerScript {
  /** Which eras it serves. Default `dual`. */
  era?: 'modern' | 'legacy' | 'dual';
  serverInfo?: JsonObject & { name: string; version: string };
  instructions?: string;
  /** Replaces the capabilities derived from the rest of the script. */
  capabilities?: JsonObject;
  /** Legacy versions it accepts, newest first. */
  legacyVersions?: string[];
  /** Extra members of `initialize` and `server/discover` results. */
  handshakeExtra?: JsonObject;

  /** Default: `echo` and `whoami`. */
  tools?: ToolScript[];
  /** Adds this many tools `tool_0000`..., each an echo. */
  generateTools?: { count: number; prefix?: string; descriptionBytes?: number };
  resources?: ResourceScript[];
  resourceTemplates?: (JsonObject & { uriTemplate: string; name: string })[];
  prompts?: PromptScript[];
  /** What `completion/complete` proposes; filtered by the typed prefix. */
  completions?: string[];

  /** Entries on one page of any list. Default: everything on one page. */
  pageSize?: number;
  ttlMs?: number;
  cacheScope?: 'public' | 'private';
  /** Milliseconds before any list is answered. */
  listLatencyMs?: number;
  /** Extra members of every list result. */
  listExtra?: JsonObject;

  http?: HttpScript;
  startup?: StartupScript;
}

export interface HttpScript {
  /** Address to listen on. Default 127.0.0.1; a Pod needs 0.0.0.0. */
  host?: string;
  /** Default `/mcp`. */
  path?: string;
  /** Default 0: a free one. */
  port?: number;
  /** `sse`: HTTP+SSE of 2024-11-05 and nothing else; `websocket`: nothing else either. Default: Streamable HTTP. */
  transport?: 'sse' | 'websocket';
  /** `auto`: JSON unless something has to be streamed first. `json` drops notifications, as such servers do. Default `auto`. */
  answer?: 'auto' | 'json' | 'sse';
  /** Legacy: mint and require `Mcp-Session-Id`. Default true. */
  sessions?: boolean;
  /** Legacy: offer the GET stream. Default true. */
  getStream?: boolean;
  /** Modern: check the mirrored headers and the envelope (-32020, -32602). Default true. */
  strictHeaders?: boolean;
  /** Answers 401 unless this request header has exactly this value. */
  requireHeader?: { name: string; value: string };
}

export interface StartupScript {
  /** stdio and process servers: end at once. */
  exit?: { code?: number; stderr?: string };
  /** Fails the first `times` starts: a byte is added to `counterFile` at each start, then exit code 1. */
  failFirst?: { times: number; counterFile: string };
  /** Nothing is read or answered (stdio) and the port not opened (HTTP) before. */
  delayMs?: number;
  /** stdio: written to stdout before anything else, a newline added. */
  rubbish?: string;
  /** `initialize` gets no answer. */
  silentOnInitialize?: boolean;
  /** `server/discover` gets no answer (rust-mcp-filesystem does this). */
  silentOnDiscover?: boolean;
  /** The process ends when `server/discover` arrives (rmcp-style servers do this). In-process HTTP: the socket is cut. */
  dieOnDiscover?: boolean;
  /** Version put into the handshake answer whatever was asked. */
  wrongVersion?: string;
  /** stdio: ignore the end of stdin and SIGTERM, so that only SIGKILL ends it. */
  stubborn?: boolean;
  /** stdio: start this many sleeping grandchildren (orphan tests). */
  grandchildren?: number;
}

export interface ToolScript {
  name: string;
  title?: string;
  description?: string;
  inputSchema?: JsonObject;
  outputSchema?: JsonObject;
  annotations?: JsonObject;
  /** Extra members of its entry in `tools/list` (`_meta`, icons, vendor fields). */
  extra?: JsonObject;
  /** Listed only to clients that declared this capability, as server-everything does. It can be called all the same. */
  needs?: string;
  /** Default: echo the arguments as JSON text. */
  does?: Behaviour;
}

/** Parts combine, in this order: noise, stderr, progress, latency, asks, then faults, then the answer. */
export interface Behaviour {
  /** Answers with pid, era, session and the request as it arrived. `arguments.env: string[]` adds values of variables. */
  whoami?: boolean;
  /** Obeys `arguments.action`: see `control.ts`. */
  control?: boolean;
  /** Fixed content blocks. */
  content?: JsonObject[];
  structuredContent?: unknown;
  /** One text block of this many bytes. */
  bytes?: number;
  /** A `resource_link` block to this URI. */
  resourceLink?: string;
  /** JSON text used verbatim as the whole result (odd numbers, duplicate keys, spacing). */
  rawResult?: string;
  /** Extra members of the result, of each content block, of `result._meta`. */
  resultExtra?: JsonObject;
  contentExtra?: JsonObject;
  resultMeta?: JsonObject;

  latencyMs?: number;
  /** Sent only when the caller gave a progress token. The last one leaves in the same write as the answer. */
  progress?: { count: number; intervalMs?: number; message?: string };
  /** Raw notifications that belong to this request. */
  notify?: { method: string; params?: JsonObject }[];
  /** Questions to the client: live requests (legacy), one `input_required` round (modern). The answer echoes the replies. */
  asks?: { method: string; params?: JsonObject }[];
  /** Works this long once it has the answers; cancelled meanwhile it gives none. */
  afterAsksMs?: number;

  /** Goes on as a task, this long, for clients that can have one; others wait. `required`: a legacy client without one is refused. */
  task?: { afterMs: number; required?: boolean };

  error?: RpcError;
  /** A result with `isError: true` and this text. */
  toolError?: string;
  hang?: boolean;
  /** The process ends (in-process HTTP: all sockets are cut and the port closed). */
  crash?: { with: 'exit' | 'kill'; afterMs?: number; code?: number };
  /** Answers although the request was cancelled. Default: a cancelled request gets no answer. */
  ignoreCancel?: boolean;
  malform?: 'invalidJson' | 'wrongId' | 'twice' | 'notAnObject' | 'resultAndError' | 'nothing';
  /** HTTP: the connection is cut in the middle of the answer. */
  cut?: boolean;
  /** HTTP: answers with this status and no JSON-RPC body. */
  status?: number;
  /** HTTP: answers as an event stream even where JSON would do. */
  sse?: boolean;
  /** stdio: text on stdout; each is written as given, a newline added. */
  stdout?: { before?: string; after?: string };
  /** stdio: the answer's line leaves in two writes, this far apart, cut in the middle (of a character, if one is there). */
  splitMs?: number;
  /** stdio: bytes written to stderr before the answer. */
  stderrBytes?: number;
}

export interface ResourceScript {
  uri: string;
  name: string;
  title?: string;
  description?: string;
  mimeType?: string;
  extra?: JsonObject;
  /** Default: the URI as text. */
  text?: string;
  blob?: string;
}

export interface PromptScript {
  name: string;
  title?: string;
  description?: string;
  arguments?: JsonObject[];
  extra?: JsonObject;
  /** Default: one user message that carries the arguments. */
  messages?: JsonObject[];
}

/** One message as it reached the server. */
export interface Received {
  /** Milliseconds since the server was made. */
  readonly atMs: number;
  readonly transport: 'http' | 'stdio';
  readonly era: 'modern' | 'legacy';
  readonly sessionId: string | undefined;
  readonly method: string | undefined;
  readonly id: string | number | null | undefined;
  /** Header names in lower case; empty on stdio. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body or line exactly as it arrived. */
  readonly raw: string;
  readonly message: JsonObject;
}
