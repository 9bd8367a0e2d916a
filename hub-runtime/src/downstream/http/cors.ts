/** Cross-origin answers for the few web origins that are allowed (CORS, WHATWG Fetch). Origins have passed the guard by then. */
import { type Head, noHead, securityHeaders } from './answer-headers.ts';
import type { EdgeRequest, EdgeResponse } from './edge-messages.ts';

const exposed = 'Mcp-Session-Id, MCP-Protocol-Version, Retry-After, WWW-Authenticate';
const headerNames = /^[A-Za-z0-9\-_, ]{0,1024}$/;

/** What every answer to this origin carries. */
export function corsHead(origin: string | undefined): Head {
  if (origin === undefined) return noHead;
  return ['Access-Control-Allow-Origin', origin, 'Vary', 'Origin', 'Access-Control-Expose-Headers', exposed];
}

/** Answers an OPTIONS request on a hub path. */
export function answerOptions(request: EdgeRequest, response: EdgeResponse, cors: Head, methods: string): void {
  const asked = request.headers['access-control-request-headers'];
  const preflight = cors.length > 0 && request.headers['access-control-request-method'] !== undefined;
  const allowed: Head = preflight
    ? [
        'Access-Control-Allow-Methods',
        methods,
        'Access-Control-Allow-Headers',
        asked !== undefined && headerNames.test(asked)
          ? asked
          : 'Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name',
        'Access-Control-Max-Age',
        '600',
      ]
    : noHead;
  response.writeHead(204, [...securityHeaders, 'Allow', `${methods}, OPTIONS`, ...cors, ...allowed]);
  response.end();
}
