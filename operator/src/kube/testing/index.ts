/** For tests only: an API server that fails on command, and helpers. */
export { type FakeApi, type Fault, type OpenWatch, type SeenRequest, startFakeApi } from './fake-api.ts';
export {
  configMaps,
  drive,
  type Recorded,
  recordingMetrics,
  type RecordingMetrics,
  until,
  widget,
  widgets,
} from './helpers.ts';
export { type KubeStage, useFakeApi } from './use-fake-api.ts';
