/**
 * The header set of every HTTP answer (HS-07), and the heads built from it.
 *
 * The hub serves no page, so everything a browser could do with an answer is forbidden. One list, shared by the hub's own answers,
 * fastify's and the raw ones of the HTTP parser, so that none can lack them.
 */
export const securityHeaders: readonly string[] = [
  'X-Content-Type-Options',
  'nosniff',
  'Cache-Control',
  'no-store',
  'Referrer-Policy',
  'no-referrer',
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
  'X-Frame-Options',
  'DENY',
  'Cross-Origin-Opener-Policy',
  'same-origin',
  'Cross-Origin-Resource-Policy',
  'same-origin',
];

const jsonBase: readonly string[] = ['Content-Type', 'application/json', ...securityHeaders];
const streamBase: readonly string[] = [
  'Content-Type',
  'text/event-stream',
  ...securityHeaders,
  // nginx and its kin would hold events back (protocol checklist 59).
  'X-Accel-Buffering',
  'no',
];

/** Flat name-value list as `writeHead` takes it. */
export type Head = readonly string[];

export const noHead: Head = [];

export function jsonHead(length: number, extra: Head): string[] {
  return extra.length === 0
    ? [...jsonBase, 'Content-Length', `${length}`]
    : [...jsonBase, 'Content-Length', `${length}`, ...extra];
}

/** The length is not known. */
export function chunkedHead(extra: Head): string[] {
  return [...jsonBase, ...extra];
}

export function streamHead(extra: Head): string[] {
  return [...streamBase, ...extra];
}

export function emptyHead(extra: Head): string[] {
  return [...securityHeaders, 'Content-Length', '0', ...extra];
}

/** A complete raw answer for a request the HTTP parser refused, when there is no response object. */
export function rawRefusal(status: number, reason: string): string {
  let head = `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n`;
  for (let at = 0; at < securityHeaders.length; at += 2)
    head += `${securityHeaders[at]}: ${securityHeaders[at + 1]}\r\n`;
  return `${head}\r\n`;
}
