/** For tests only. */
export { createFakeCluster, type FakeCluster, type FakeWrite, status } from './fake-cluster.ts';
export { createTestWorld, lead } from './test-world.ts';
