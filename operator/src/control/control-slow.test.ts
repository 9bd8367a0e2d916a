/** The stream with readers that are slow, dead or gone without a word. */
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { until } from '../kube/testing/index.ts';
import type { ControlLimits } from './limits.ts';
import { publication, type Stage, startStage } from './testing/index.ts';

let stage: Stage;
afterEach(() => stage[Symbol.asyncDispose]());

const begin = async (limits: Partial<ControlLimits> = {}): Promise<void> => {
  stage = await startStage({ limits: { sweepMs: 20, closeMs: 100, ...limits } });
};
const rejected = (reason: string): number => stage.metrics.sum('quaymaster_control_rejected_total', { reason });

test('a reader that does not read costs one message, gets the newest when it does, and delays nobody', async () => {
  await begin({ silenceMs: 60_000 });
  const slow = await stage.join();
  const quick = await stage.join({ name: 'h-2', uid: 'u2' });
  slow.socket.pause();
  // Larger than what the kernel takes for both ends, so that the first is stuck.
  const filler = 'x'.repeat(12 * 1_024 * 1_024);
  stage.server.publish('default/h', publication(1, {}, filler));
  for (let generation = 2; generation <= 40; generation++) {
    stage.server.publish('default/h', publication(generation, {}, 'small'));
  }
  await until('the quick one is up to date', () => quick.last('config')?.document.generation === 40);
  const sent = stage.metrics.sum('quaymaster_control_messages_total', { type: 'config', direction: 'out' });
  slow.socket.resume();
  await until('the slow one is up to date', () => slow.last('config')?.document.generation === 40);
  expect(slow.messages.filter((message) => message.type === 'config').length).toBeLessThanOrEqual(3);
  expect(sent).toBeLessThan(60);
});

test('a reader that does not take a message in time is cut off, alive or not', async () => {
  await begin({ pingMs: 30, silenceMs: 5_000, messageMs: 300 });
  const peer = await stage.join();
  const filler = 'x'.repeat(12 * 1_024 * 1_024);
  peer.socket.pause();
  stage.server.publish('default/h', publication(1, {}, filler));
  await until('cut off', () => rejected('slow') === 1);
  expect(stage.server.replicas('default/h')).toEqual([]);
});

test('a peer without any sign of life is cut off; one that only answers pings stays', async () => {
  await begin({ pingMs: 20, silenceMs: 150 });
  const dead = await stage.join();
  const quiet = await stage.join({ name: 'h-2', uid: 'u2' });
  // Half open: the network is gone, nobody was told.
  dead.socket.pause();
  await until('cut off', () => stage.server.replicas('default/h').length === 1);
  expect(rejected('silent')).toBe(1);
  expect(stage.server.replicas('default/h')[0]?.pod.uid).toBe('u2');
  expect(quiet.socket.readyState).toBe(WebSocket.OPEN);
});

test('who does not answer a closing frame is cut off', async () => {
  await begin();
  const peer = stage.dial({ token: null });
  peer.socket.on('upgrade', () => setImmediate(() => peer.socket.pause()));
  await until('gone', () => stage.metrics.last('quaymaster_control_connections', { state: 'unproven' }) === 0);
});
