/** Durations, byte quantities and other forms of text as manifests write them. */
export {
  forms,
  labelPattern,
  npmVersionPattern,
  objectNamePattern,
  pypiVersionPattern,
  toolNamePattern,
} from './forms.ts';
export { bytesPattern, durationPattern, parseBytes, parseDuration } from './units.ts';
export { reservedHeaders } from './reserved-headers.ts';
