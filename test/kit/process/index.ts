/** Programs under test, and what they leave behind. */
export { cacheFolder } from './cache-folder.ts';
export { descendants, isAlive, processInfo } from './descendants.ts';
export type { ProcessInfo } from './descendants.ts';
export { fairMs } from './fair-ms.ts';
export { freePort } from './free-port.ts';
export { spawnProgram } from './spawn-program.ts';
export type { Exit, Program, ProgramOptions } from './spawn-program.ts';
