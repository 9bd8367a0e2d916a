/** What `qm bridge` does: loaded when it runs, and not by the other commands. */
export { copyTools } from './copy-tools.ts';
export { serveBridge } from './serve-bridge.ts';
