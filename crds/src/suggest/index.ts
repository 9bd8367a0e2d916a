/** Nearest known name to a mistyped one. */
export { editDistance, nearest } from './nearest.ts';
