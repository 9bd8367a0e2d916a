import { expect, test } from 'vitest';

import { readBridgeSettings } from './settings.ts';
import { plainSettings } from './testing/bridge-world.ts';

const npm = { kind: 'npm', package: 'a', version: '1.0.0', cache: '/c' };
const pypi = { kind: 'pypi', package: 'a', version: '1.0.0', cache: '/c', with: ['b==1'], python: '3.12' };

test.each([
  plainSettings,
  { ...plainSettings, program: { kind: 'command', cwd: '/app' }, secretVariables: ['A', 'B*'] },
  { ...plainSettings, program: { ...npm, bin: 'x', integrity: 'sha512-x', resolvedBefore: '2026-01-01' } },
  { ...plainSettings, program: pypi },
  { ...plainSettings, limits: { responseBytes: 1_024, memoryBytes: 1, openFiles: 64 } },
  { ...plainSettings, somethingNewer: true },
])('what a renderer writes is taken as it is', (settings) => {
  expect(readBridgeSettings(JSON.stringify(settings))).toEqual(settings);
});

test.each([
  [undefined, 'not set'],
  ['', 'not set'],
  ['{', 'not JSON'],
  ['[]', 'not an object'],
  [{ version: 2 }, 'version is not 1'],
  [{ protocol: 'both' }, 'protocol is none of auto, modern, legacy'],
  [{ instances: 1 }, 'instances is not an object'],
  [{ instances: { mode: 'x', max: 1 } }, 'mode is none of'],
  [{ instances: { mode: 'shared', max: 0 } }, 'max is no whole number'],
  [{ startMs: -1 }, 'startMs is no whole number'],
  [{ drainMs: 1.5 }, 'drainMs is no whole number'],
  [{ limits: { responseBytes: 0 } }, 'responseBytes is no whole number'],
  [{ limits: { responseBytes: 1, openFiles: 'x' } }, 'openFiles is no whole number'],
  [{ port: 65_536 }, 'port is no whole number'],
  [{ server: '' }, 'server is no text'],
  [{ secretVariables: [1] }, 'secretVariables is no list'],
  [{ program: { kind: 'cargo' } }, 'kind is none of'],
  [{ program: { kind: 'command', cwd: 1 } }, 'cwd is no text'],
  [{ program: { ...npm, cache: '' } }, 'cache is no text'],
  [{ program: { ...npm, bin: 7 } }, 'bin is no text'],
  [{ program: { ...pypi, with: 'b' } }, 'with is no list'],
])('%j is refused with the member that is wrong', (change, message) => {
  const text = typeof change === 'object' ? JSON.stringify({ ...plainSettings, ...change }) : change;
  expect(() => readBridgeSettings(text)).toThrow(message);
  expect(() => readBridgeSettings(text)).toThrow('QM_BRIDGE');
});
