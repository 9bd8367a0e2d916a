/** Plumbing that every room (and the operator) needs. Exported as `quaymaster/base`. */
export { type BackoffOptions, backoffDelay } from './backoff.ts';
export { type Clock, type Random, systemClock } from './clock.ts';
export { createLogger, type LoggerOptions, type LogLevel, type ProcessLogger } from './create-logger.ts';
export { type ErrorCode, type ErrorRow, errorTable, QmError, type Retry, type Severity } from './errors.ts';
export { type Logger, silentLogger } from './logger.ts';
export { maskSecrets } from './masking.ts';
export { serverName } from './server-name.ts';
export { createTestClock, type TestClock } from './test-clock.ts';
