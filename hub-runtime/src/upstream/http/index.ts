/** Streamable HTTP toward servers, both eras. */
export { answersHeader, callerHeader, notExecutedHeader } from './bridge-headers.ts';
export { createHttpConnector } from './http-connector.ts';
export { httpLimits } from './limits.ts';
export { createHttpPool, type HttpPool, type HttpPoolOptions, type HttpPoolStats } from './http-pool.ts';
