import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type ControlApi, createControlClient } from '../control/index.ts';
import { type ControlServer, startControlServer } from './control-server.ts';

let home: string;
let server: ControlServer | undefined;
const asked: unknown[] = [];

const api: ControlApi = {
  info: () => ({
    version: '1',
    pid: 2,
    url: 'u',
    health: undefined,
    startedAt: 't',
    paths: ['m'],
    stateDirectory: 's',
    generation: 3,
    problems: [],
  }),
  hubs: () => [],
  graphs: () => [],
  servers: () => [],
  tools: (hub) => {
    asked.push(['tools', hub]);
    return [];
  },
  objects: (kind) => [{ kind }],
  call: async (call) => {
    asked.push(call);
    return { kind: 'result', result: { content: [] } };
  },
  restart: async (key) => key === 'default/a',
  reload: async () => ({ applied: true, problems: [] }),
  stop: () => void asked.push('stop'),
};

beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'qm-control-'));
  asked.length = 0;
  server = await startControlServer(path.join(home, 's'), api);
});
afterEach(async () => {
  await server?.close();
  rmSync(home, { recursive: true, force: true });
});
const client = () => createControlClient(path.join(home, 's'));

test('everything of the API crosses the socket', async () => {
  const one = client();
  expect(await one.info()).toMatchObject({ version: '1', pid: 2, generation: 3 });
  expect(await one.hubs()).toEqual([]);
  expect(await one.servers()).toEqual([]);
  expect(await one.tools()).toEqual([]);
  expect(await one.tools('a/b c')).toEqual([]);
  expect(await one.objects('McpHub')).toEqual([{ kind: 'McpHub' }]);
  expect(await one.objects('McpServer')).toEqual([{ kind: 'McpServer' }]);
  expect(await one.call({ tool: 't', arguments: { größe: 1 }, hub: 'h' })).toEqual({
    kind: 'result',
    result: { content: [] },
  });
  expect(await one.restart('default/a')).toEqual({ found: true });
  expect(await one.restart('default/b')).toEqual({ found: false });
  expect(await one.reload()).toEqual({ applied: true, problems: [] });
  await one.stop();
  expect(asked).toEqual([
    ['tools', undefined],
    ['tools', 'a/b c'],
    { tool: 't', arguments: { größe: 1 }, hub: 'h' },
    'stop',
  ]);
});

describe('what does not fit is refused', () => {
  const post = (url: string, body: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: path.join(home, 's'),
          method: 'POST',
          path: url,
          headers: { 'content-type': 'application/json' },
        },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode));
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });

  test.each([
    ['/v1/call', '{}', 400],
    ['/v1/call', '{"tool": "t", "arguments": []}', 400],
    ['/v1/call', '{"tool": "t", "arguments": {}, "hub": 1}', 400],
    ['/v1/call', 'null', 400],
    ['/v1/call', '{"tool": ', 400],
    ['/v1/restart', '{"server": 1}', 400],
    ['/v1/nothing', '{}', 404],
  ])('%s %s', async (url, body, status) => {
    expect(await post(url, body)).toBe(status);
    expect(asked).toEqual([]);
  });
});

test('a hub that is gone is one clear error', async () => {
  await expect(createControlClient(path.join(home, 'gone')).info()).rejects.toThrow(
    /the hub does not answer on .*gone/,
  );
});

test('a hub of another version is one clear error', async () => {
  const one = client() as unknown as { objects(kind: string): Promise<unknown> };
  await expect(one.objects('McpTenant')).rejects.toThrow('the hub answered 404 to GET /v1/objects/McpTenant');
});
