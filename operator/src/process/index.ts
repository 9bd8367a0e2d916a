/** The operator as a process. */
export { version } from './package-version.ts';
export { startOperator } from './start.ts';
