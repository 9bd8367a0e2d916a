/**
 * The log line of one finished call, as JSON text (EF-71).
 *
 * Built by hand because it is written for every call: known parts are joined, free text (method, target) is cleaned, masked and quoted once
 * and then found in a bounded cache. Field names are contract: docs/reference/logs.md, and a schema test.
 */
import type { Clock } from '../base/index.ts';
import type { CallRecord } from './observer.ts';
export declare function createOperationLine(clock: Clock): (record: CallRecord) => string;
