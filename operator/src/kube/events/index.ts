/** Events on transitions, as series, bounded. */
export { changedConditions, type ConditionLike } from './changed-conditions.ts';
export {
  createEventRecorder,
  type EventInput,
  type EventRecorder,
  type EventRecorderOptions,
  eventResource,
} from './event-recorder.ts';
