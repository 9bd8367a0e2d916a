import { expect, test } from 'vitest';

import { silentLogger } from '../base/index.ts';
import { Shutdown } from './shutdown.ts';

test('HS-13 stages run in their order, whatever the order of opening was; steps of a stage together', async () => {
  const order: string[] = [];
  const shutdown = new Shutdown(silentLogger);
  shutdown.add('files', () => void order.push('lock'));
  shutdown.add('servers', async () => {
    await Promise.resolve();
    order.push('servers');
  });
  shutdown.add('listener', () => void order.push('listener'));
  shutdown.add('intake', () => void order.push('watch'));
  expect(shutdown.begun).toBe(false);
  const first = shutdown.run();
  expect(shutdown.begun).toBe(true);
  await Promise.all([first, shutdown.run(), shutdown.ended]);
  expect(order).toEqual(['watch', 'listener', 'servers', 'lock']);
});

test('a step that fails is logged and keeps nothing from ending', async () => {
  const said: string[] = [];
  const shutdown = new Shutdown({ ...silentLogger, error: (_fields, message) => void said.push(message) });
  let ended = false;
  shutdown.add('listener', () => {
    throw new Error('stuck');
  });
  shutdown.add('files', () => {
    ended = true;
  });
  await shutdown.run();
  expect(ended).toBe(true);
  expect(said).toEqual(['a step of the shutdown failed']);
});
