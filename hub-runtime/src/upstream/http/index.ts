/** Streamable HTTP toward servers, both eras, and HTTP+SSE of 2024-11-05; and what another transport over HTTP needs of it. */
export { answersHeader, callerHeader, notExecutedHeader } from './bridge-headers.ts';
export { type Endpoint, endpointOf } from './endpoint.ts';
export { statusError } from './handshake.ts';
export type { HttpConnectorDeps } from './handshaking.ts';
export { createHttpConnector } from './http-connector.ts';
export { describeNetworkError } from './http-request.ts';
export { httpLimits, upstreamScanLimits } from './limits.ts';
export { createHttpPool, type HttpPool, type HttpPoolOptions, type HttpPoolStats } from './http-pool.ts';
export { noPlace } from './no-place.ts';
export type { Place } from './place.ts';
export { Places } from './places.ts';
export { leaveWithPlace, remoteAt } from './tied-to-place.ts';
