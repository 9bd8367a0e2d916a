/** Plumbing that every room (and the operator) needs. Exported as `quaymaster/base`. */
export { type Clock, type Random, systemClock } from './clock.ts';
export { type ErrorCode, type ErrorRow, errorTable, QmError, type Retry, type Severity } from './errors.ts';
export { type Logger, silentLogger } from './logger.ts';
