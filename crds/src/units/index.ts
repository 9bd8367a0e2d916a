/** Durations and byte quantities as manifests write them. */
export { bytesPattern, durationPattern, parseBytes, parseDuration } from './units.ts';
