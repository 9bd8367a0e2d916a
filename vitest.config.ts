import { availableParallelism } from 'node:os';

import { defineConfig } from 'vitest/config';

/** The private export condition makes every workspace resolve to its TypeScript sources, so tests never need a build. */
const conditions = ['quaymaster-source', 'module', 'node', 'development|production'];
/** The floor of `make test`. Not for runs of single rooms, so only behind the variable that `tools/test.ts` sets. */
const floor = { lines: 80, branches: 80 };
/** Of the rooms that every call goes through, and of the operator's client of Kubernetes. */
const high = { lines: 90, branches: 90 };
const thresholds =
  process.env['QM_COVERAGE_GATE'] === '1'
    ? {
        thresholds: {
          'crds/src/**': floor,
          'hub-runtime/src/**': floor,
          'hub-runtime/src/wire/**': high,
          'hub-runtime/src/router/**': high,
          'hub-runtime/src/session/**': high,
          'hub-runtime/src/catalog/**': high,
          'operator/src/**': floor,
          'operator/src/kube/**': high,
        },
      }
    : {};
const common = { ssr: { resolve: { conditions } } };

export default defineConfig({
  ...common,
  test: {
    reporters: ['default', './tools/sums-reporter.ts'],
    // A limit for busy machines, not a bar: what is waited for comes in milliseconds.
    expect: { poll: { timeout: 15_000 } },
    // The closing lines are all that is left of a run elsewhere: `[ …(5) ]` would not tell what went wrong.
    chaiConfig: { truncateThreshold: 2_000 },
    coverage: {
      provider: 'v8',
      reportOnFailure: true,
      include: ['{crds,hub-runtime,operator}/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/index.ts', '**/testing/**', '**/fixtures/**'],
      reporter: ['text-summary', 'json-summary', 'json'],
      ...thresholds,
      reportsDirectory: '.test-results/coverage',
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            '{crds,hub-runtime,operator}/src/**/*.test.ts',
            'test/{kit,bench,conformance,cluster,parity,rolling,fuzz}/**/*.test.ts',
            'tools/**/*.test.ts',
          ],
          exclude: ['**/*.{cluster,node,soak,e2e}.test.ts'],
          isolate: false,
          // Most of the time they wait for children and sockets: with one worker half of the machine would idle.
          maxWorkers: 2 * availableParallelism(),
          // For busy machines, like all limits here: the longest take 1.5 s, and eight times that with seven other things to run on two cores.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/{integration,gitops}/**/*.test.ts'],
          exclude: ['**/*.{cluster,node,soak}.test.ts'],
          fileParallelism: false,
          // One process for all files: a new one for each, with all it imports, is a seventh of the work.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'tools/**/*.e2e.test.ts'],
          fileParallelism: false,
          isolate: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      // Long and large forms: `make soak`.
      {
        extends: true,
        test: {
          name: 'soak',
          include: ['{operator,test}/**/*.soak.test.ts'],
          env: { QM_CLUSTER: `${import.meta.dirname}/test/cluster/cluster` },
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 2_400_000,
        },
      },
      // On a real Kubernetes: `cluster` with simulated nodes, `node` with real Pods, one file and one cluster at a time.
      ...(['cluster', 'node'] as const).map((name) => ({
        extends: true as const,
        test: {
          name,
          include: [`{operator,test}/**/*.${name}.test.ts`],
          env: { QM_CLUSTER: `${import.meta.dirname}/test/cluster/cluster` },
          fileParallelism: false,
          isolate: false,
          testTimeout: 120_000,
          // A cold build, and the queue for the machine's only node.
          hookTimeout: 2_400_000,
        },
      })),
    ],
  },
});
