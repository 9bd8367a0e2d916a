import { expect, test } from 'vitest';

import { lacks, missingTools, type Tool } from './tools-table.ts';

const go: Tool = { command: 'go', args: [], atLeast: '1.21', debian: ['golang-go'], why: 'x' };
const pipx: Tool = { command: 'pipx', args: [], debian: ['pipx'], why: 'x', orElse: 'uv' };

test('a tool is missing when it does not run, or is older than needed', () => {
  expect(lacks(go, undefined)).toBe(true);
  expect(lacks(go, 'go version go1.19.8 linux/amd64')).toBe(true);
  expect(lacks(go, 'go version go1.21 linux/amd64')).toBe(false);
  expect(lacks(go, 'go version go2.0 linux/amd64')).toBe(false);
  expect(lacks(go, 'devel')).toBe(true);
  expect(lacks(pipx, 'whatever')).toBe(false);
});

test('a tool that another one replaces is not missed', () => {
  expect(
    missingTools(
      [go, pipx],
      new Map([
        ['go', 'go1.22'],
        ['uv', 'uv 0.9'],
      ]),
    ),
  ).toEqual([]);
  expect(missingTools([go, pipx], new Map())).toEqual([go, pipx]);
});
