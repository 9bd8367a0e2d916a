/** Work queue and controller: keys in, reconciles out, one key never twice at once. */
export {
  type Controller,
  type ControllerOptions,
  createController,
  done,
  type Reconcile,
  requeue,
  requeueAfter,
  type Result,
  TerminalError,
} from './controller.ts';
export type { RateLimits } from './rate-limiter.ts';
export { type AddOptions, createWorkQueue, priorities, type WorkQueue, type WorkQueueOptions } from './work-queue.ts';
