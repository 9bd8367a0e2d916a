import { describe, expect, test } from 'vitest';

import {
  declaresExtension,
  isQuestion,
  mayAsk,
  missingCapability,
  relayedCapabilities,
  tasksExtension,
} from './client-capabilities.ts';
import { emptyObject, parseRaw, rawOf } from './raw.ts';
import { scanObject } from './scan-values.ts';

describe('checklist 28: what a client lacks for a question', () => {
  const form = { message: 'x' };
  const url = { mode: 'url', url: 'https://x' };
  test.each([
    [{}, 'elicitation/create', form, { elicitation: {} }],
    [{}, 'elicitation/create', url, { elicitation: { url: {} } }],
    [{ elicitation: {} }, 'elicitation/create', form, undefined],
    [{ elicitation: {} }, 'elicitation/create', url, { elicitation: { url: {} } }],
    [{ elicitation: { form: {} } }, 'elicitation/create', { ...form, mode: 'form' }, undefined],
    [{ elicitation: { url: {} } }, 'elicitation/create', form, { elicitation: { form: {} } }],
    [{ elicitation: { url: {} } }, 'elicitation/create', url, undefined],
    [{ elicitation: 7 }, 'elicitation/create', form, { elicitation: {} }],
    [{}, 'sampling/createMessage', {}, { sampling: {} }],
    [{ sampling: {} }, 'sampling/createMessage', {}, undefined],
    [{ sampling: {} }, 'sampling/createMessage', { tools: [] }, { sampling: { tools: {} } }],
    [{ sampling: { tools: {} } }, 'sampling/createMessage', { tools: [] }, undefined],
    [{}, 'roots/list', undefined, { roots: {} }],
    [{ roots: {} }, 'roots/list', undefined, undefined],
    [{}, 'vendor/ask', {}, undefined],
  ])('%j asked %s %j: %j', (declared, method, params, missing) => {
    const scanned = params === undefined ? undefined : scanObject(rawOf(params));
    expect(missingCapability(rawOf(declared), method, scanned)).toEqual(missing);
  });
});

test('a server is told what its client declared, as far as the hub carries it', () => {
  const told = (declared: unknown): unknown => JSON.parse(relayedCapabilities(rawOf(declared)));
  const carried = {
    roots: { listChanged: true },
    sampling: { x: 1 },
    elicitation: { form: {} },
    experimental: { a: {} },
  };
  expect(told({ ...carried, tasks: {}, other: {} })).toEqual(carried);
  expect(told({ extensions: { 'io.modelcontextprotocol/tasks': {}, 'io.modelcontextprotocol/ui': { b: 2 } } })).toEqual(
    {
      extensions: { 'io.modelcontextprotocol/ui': { b: 2 } },
    },
  );
  // What cannot be read in one way is not relayed in another.
  for (const unclear of ['{"a":{},"a":{}}', '{"io.modelcontextprotocol/tasks":{},"b":1,"\\u0062":2}', '7'])
    expect(relayedCapabilities(`{"roots":{},"extensions":${unclear}}` as typeof emptyObject)).toBe('{"roots":{}}');
  for (const nothing of ['{}', '7', '[]', ''])
    expect(relayedCapabilities(nothing as typeof emptyObject)).toBe(emptyObject);
});

test('who may ask, and what', () => {
  expect(['elicitation/create', 'sampling/createMessage', 'roots/list', 'ping', 'x/y'].map(isQuestion)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(['tools/call', 'prompts/get', 'resources/read', 'completion/complete', 'tools/list'].map(mayAsk)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

test('checklist 49: the extension for tasks is relayed where it is carried, and only there', () => {
  const declared = rawOf({ extensions: { [tasksExtension]: {}, 'x/y': {} }, tasks: {} });
  expect(parseRaw(relayedCapabilities(declared, 'tasks'))).toEqual({ extensions: { [tasksExtension]: {}, 'x/y': {} } });
  expect(parseRaw(relayedCapabilities(declared))).toEqual({ extensions: { 'x/y': {} } });
  expect([declaresExtension(declared, 'x/y'), declaresExtension(declared, 'x/z')]).toEqual([true, false]);
  expect(declaresExtension(emptyObject, 'x/y')).toBe(false);
});
