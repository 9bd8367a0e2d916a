/** The kit's fleet of hubs and this server, each other's test. */
import { hubDocument } from '@quaymaster/crds';
import { createFleet, type Fleet, type FleetPod } from '@quaymaster/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { until } from '../kube/testing/index.ts';
import { podToken, publication, type Stage, startStage } from './testing/index.ts';

let stage: Stage;
let fleet: Fleet;
beforeEach(async () => {
  stage = await startStage({ limits: { sweepMs: 20, closeMs: 100 } });
  fleet = createFleet({
    address: () => `127.0.0.1:${stage.port}`,
    ca: () => stage.authority.cert,
    retryMs: { min: 5, max: 20 },
    reportMs: 50,
    dialsAtOnce: 4,
  });
});
afterEach(async () => {
  await fleet[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
});

const member = (at: number, hub = 'default/h'): FleetPod => {
  const pod = { namespace: 'default', name: `h-${at}`, uid: `u${at}` };
  return { hub, name: pod.name, uid: pod.uid, ip: '10.0.0.1', token: podToken(pod) };
};

/** Two servers, one of them in the cluster. */
function withServers(generation: number, state: 'ready' | 'starting') {
  const { document } = publication(generation);
  const servers = ['default/a', 'default/b'].map((key) => ({ key, runtimeHash: `of ${key}` }));
  const config = { ...document.config, hash: `g${generation}`, servers } as unknown as typeof document.config;
  const addresses = {
    'default/a': { url: 'http://a-server/mcp', inCluster: true },
    'default/b': { url: 'https://b.example.com/mcp', inCluster: false },
  };
  return publication(generation, {
    document: hubDocument({ generation, config, addresses, hosts: [] }),
    endpoints: { 'default/a': [{ address: '10.1.0.1:7575', state }] },
  });
}

test('twenty Pods dial, acknowledge, and report what is ready; a change reaches all; gone Pods are gone', async () => {
  stage.server.publish('default/h', withServers(1, 'starting'));
  for (let at = 0; at < 20; at++) fleet.add(member(at));
  fleet.add(member(0));
  expect(fleet.size).toBe(20);
  const reports = () => stage.server.replicas('default/h').map((replica) => replica.report);
  await until('all have reported', () => reports().length === 20 && reports().every((report) => report !== undefined));
  expect(reports()[7]).toMatchObject({
    servers: {
      'default/a': { observed: { phase: 'Starting' } },
      'default/b': { observed: { phase: 'Ready', serverInfo: { name: 'b' } }, runtimeHash: 'of default/b' },
    },
  });
  expect(fleet.states()[3]).toMatchObject({
    connected: true,
    servers: 2,
    ready: 1,
    peers: 1,
    credentials: 'c1',
    dials: 1,
  });
  stage.server.publish('default/h', withServers(2, 'ready'));
  await until('all run the second', () =>
    stage.server.replicas('default/h').every((replica) => replica.acknowledged?.generation === 2),
  );
  await until('all are ready', () =>
    reports().every((report) => report?.servers['default/a']?.observed.phase === 'Ready'),
  );
  expect(new Set(reports().map((report) => report?.catalogHash)).size).toBe(1);
  fleet.remove('u3');
  fleet.remove('nobody');
  await until('gone', () => stage.server.replicas('default/h').length === 19);
});

test('cut off, they come back with what they run, and nothing is sent again', async () => {
  stage.server.publish('default/h', publication(1));
  for (let at = 0; at < 5; at++) fleet.add(member(at));
  const settled = () =>
    stage.server.replicas('default/h').filter(({ acknowledged }) => acknowledged !== undefined).length;
  await until('all run it', () => settled() === 5);
  await until('all hold it', () => fleet.states().every(({ credentials }) => credentials === 'c1'));
  fleet.cut();
  await until(
    'back',
    () => fleet.states().every(({ dials, connected }) => dials === 2 && connected) && settled() === 5,
  );
  expect(stage.metrics.sum('quaymaster_control_messages_total', { type: 'config', direction: 'out' })).toBe(5);
});

test('HT-3.19 a standby sends them to the leader; a Pod whose token is refused or missing keeps trying', async () => {
  await using leader = await startStage();
  await using standby = await startStage({ leaderAddress: () => `127.0.0.1:${leader.port}` });
  standby.isLeader = false;
  // One authority for both, as in a cluster.
  await using hubs = createFleet({
    address: `127.0.0.1:${standby.port}`,
    ca: `${standby.authority.cert}${leader.authority.cert}`,
    retryMs: { min: 1, max: 5 },
  });
  hubs.add(member(1));
  let tries = 0;
  hubs.add({
    ...member(2),
    token: () => {
      tries += 1;
      if (tries === 1) throw new Error('no token yet');
      return tries < 3 ? 'rubbish' : (member(2).token as string);
    },
  });
  await until('both are with the leader', () => leader.server.replicas('default/h').length === 2);
  expect(hubs.states()[0]).toMatchObject({ connected: true, closed: { code: 4001 } });
  expect(tries).toBeGreaterThan(2);
});
