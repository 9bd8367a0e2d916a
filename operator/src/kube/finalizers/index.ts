/** Finalizers by read-modify-write. */
export { createFinalizerTools, type FinalizerTools } from './finalizers.ts';
