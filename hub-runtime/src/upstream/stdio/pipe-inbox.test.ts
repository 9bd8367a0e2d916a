import { expect, test } from 'vitest';

import type { RawJson } from '../../wire/index.ts';
import { PipeInbox } from './pipe-inbox.ts';

const limits = { batch: 2, scan: { depth: 8, nodes: 100 } };
const said = (n: number): string => `{"jsonrpc":"2.0","method":"n/${n}"}`;

function stage() {
  const inbox = new PipeInbox(limits);
  const heard: string[] = [];
  const listen = (): void => {
    inbox.onMessage(({ method }) => heard.push(method));
    inbox.onFault(({ fault }) => heard.push(fault));
  };
  return { heard, listen, read: (text: string) => inbox.read(text as RawJson) };
}

test('EF-85 what comes before anybody listens is kept in its order, as much of it as a batch may hold', () => {
  const { heard, listen, read } = stage();
  for (const n of [1, 2, 3]) read(said(n));
  read('rubbish');
  expect(heard).toEqual([]);
  listen();
  read(said(4));
  expect(heard).toEqual(['n/1', 'n/2', 'n/4']);
});

test('batches are taken apart, one that is too long and what is no message are faults', () => {
  const { heard, listen, read } = stage();
  listen();
  read(`[${said(1)},{"jsonrpc":"1.0"}]`);
  read(`[${said(2)},${said(3)},${said(4)}]`);
  read('{"jsonrpc":"2.0",');
  expect(heard).toEqual(['n/1', 'shape', 'batch', 'syntax']);
});
