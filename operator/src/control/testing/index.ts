/** For tests only: a stage with a real listener, hubs that dial it, and a fake of what the API server says about tokens. */
export { type HubPeer, type PeerOptions, publication, reportOf, type Stage, startStage } from './stage.ts';
export { fakeReviews, type FakeReviews, podToken } from './fake-reviews.ts';
export { createFakeSecrets, type FakeSecrets } from './fake-secrets.ts';
export { controlMetrics } from './recorded-metrics.ts';
