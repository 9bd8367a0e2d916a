/** `qm up`: the foreground run, its views, and the way into the background. */
export { detach } from './detach.ts';
export { runUp, type UpOptions } from './run-up.ts';
