/** Status by server-side apply, skipped when equal. */
export { createStatusWriter, type StatusWriter, type StatusWriterOptions } from './status-writer.ts';
