/** Plumbing that every room (and the operator) needs. Exported as `quaymaster/base`. */
export { type BackoffOptions, backoffDelay } from './backoff.ts';
export { type Clock, type Random, systemClock } from './clock.ts';
export { createLogger, type LoggerOptions, type LogLevel, type ProcessLogger } from './create-logger.ts';
export type { ErrorRow, Retry, Severity } from './error-row.ts';
export { type ErrorCode, errorTable, QmError } from './errors.ts';
export { type Logger, silentLogger } from './logger.ts';
export { maskSecrets } from './masking.ts';
export { serverName } from './server-name.ts';
export { createTestClock, type TestClock } from './test-clock.ts';
