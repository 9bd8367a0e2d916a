import { expect, test } from 'vitest';

import { at, pod, renderedServer } from './render.fixture.ts';

const source = { command: { command: 'serve', image: 'registry.example/serve:1' } };

function bridgeOf(spec: Record<string, unknown>): Record<string, unknown> {
  const env = at(pod(renderedServer({ source, ...spec })), 'containers', 0, 'env') as { name: string; value: string }[];
  return JSON.parse(env.find(({ name }) => name === 'QM_BRIDGE')?.value ?? '{}') as Record<string, unknown>;
}

test('HT-5.12 what a server may take reaches its bridge, which keeps it as the process driver does', () => {
  const limits = { response: '16Mi', memory: '512Mi', openFiles: 256 };
  expect(bridgeOf({ limits })['limits']).toEqual({
    responseBytes: 16_777_216,
    memoryBytes: 536_870_912,
    openFiles: 256,
  });
});

test('defaults are not written: bridges of older releases and newer operators say the same', () => {
  expect(bridgeOf({})['limits']).toBeUndefined();
  expect(bridgeOf({ limits: {} })['limits']).toBeUndefined();
});
