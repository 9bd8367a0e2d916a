/** Several replicas of one hub as real processes behind a balancer, each on an address of its own, with an operator that the test plays. */
import { randomBytes } from 'node:crypto';

import type { HubDocument, ReportMessage } from '@quaymaster/crds';

import { freePort, until } from '../../kit/index.ts';
import { type FakeOperator, startFakeOperator } from './fake-operator.ts';
import { type PodDirectory, podDirectory, type RunningReplica, startReplica } from './running-replica.ts';
import { type SprayBalancer, startSprayBalancer } from './spray-balancer.ts';
import { createTestAuthority } from './test-authority.ts';

export interface FleetMember {
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
  readonly replica: RunningReplica;
  readonly url: string;
}

export interface Fleet extends AsyncDisposable {
  readonly balancer: SprayBalancer;
  readonly url: string;
  readonly members: readonly FleetMember[];
  /** One more, known to all when this resolves. */
  add(): Promise<FleetMember>;
  /** SIGKILL; nobody is told before `forget`. */
  kill(member: FleetMember): Promise<void>;
  /** As the operator sees it some time later. */
  forget(member: FleetMember): void;
  /** SIGTERM after it was taken out of the balancer, as a Pod that is deleted. Resolves at its end. */
  drain(member: FleetMember): Promise<void>;
  /** New files for everybody. */
  sealing(files: { current: Buffer; previous?: Buffer }): void;
  metric(name: string): Promise<number>;
  /** What replicas that are there have reported last. */
  reports(): readonly ReportMessage[];
}

export async function startFleet(
  count: number,
  document: HubDocument,
  options: { drainMs?: number; key?: Buffer; credentials?: Readonly<Record<string, string>> } = {},
): Promise<Fleet> {
  const authority = await createTestAuthority();
  const operator: FakeOperator = await startFakeOperator(authority);
  const balancer = await startSprayBalancer();
  const peerPort = await freePort();
  const values = Object.fromEntries(
    Object.entries(options.credentials ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  );
  const members: FleetMember[] = [];
  const started: RunningReplica[] = [];
  const pods: PodDirectory[] = [];
  let sealing: { current: Buffer; previous?: Buffer } = { current: options.key ?? randomBytes(32) };
  let made = 0;

  const tell = (): void => {
    balancer.use(members.map(({ url }) => url));
    const peers = { type: 'peers', peers: members.map(({ name, uid, ip }) => ({ name, uid, ip })) } as const;
    operator.greeting = [{ type: 'credentials', hash: 'c', values }, { type: 'config', document }, peers];
    for (const stream of operator.streams) if (stream.closeCode === undefined) stream.send(peers);
  };
  const remove = (member: FleetMember): void => {
    const at = members.indexOf(member);
    if (at >= 0) members.splice(at, 1);
  };
  const fleet: Fleet = {
    balancer,
    url: balancer.url,
    members,
    async add() {
      const number = ++made;
      const name = `desk-hub-${number}-${randomBytes(4).toString('hex')}`;
      const [uid, ip] = [`uid of ${name}`, `127.0.0.${number + 1}`];
      const pod = podDirectory();
      pods.push(pod);
      pod.config({ document, ca: authority.ca });
      pod.credentials(options.credentials ?? {});
      pod.sealing(sealing);
      pod.token('token-1');
      const drainMs = options.drainMs ?? 5_000;
      const replica = await startReplica(pod, operator.port, { name, ip, peerPort, drainMs });
      started.push(replica);
      const member = { name, uid, ip, replica, url: replica.url };
      await until(() => operator.streams.some(({ hello }) => hello.pod.uid === uid), { because: 'it has dialled' });
      await until(async () => (await fetch(`${replica.health}/readyz`)).status === 200, { because: 'it is ready' });
      members.push(member);
      tell();
      return member;
    },
    async kill(member) {
      remove(member);
      balancer.use(members.map(({ url }) => url));
      member.replica.program.kill('SIGKILL');
      await member.replica.program.ended(5_000);
    },
    forget: () => tell(),
    async drain(member) {
      balancer.use(members.filter((one) => one !== member).map(({ url }) => url));
      member.replica.program.kill('SIGTERM');
      await member.replica.program.ended(15_000);
      remove(member);
      tell();
    },
    sealing(files) {
      sealing = files;
      for (const pod of pods) pod.sealing(files);
    },
    async metric(name) {
      let sum = 0;
      for (const { replica } of members) {
        const text = await (await fetch(`${replica.health}/metrics`)).text();
        for (const [, value] of text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'gm')))
          sum += Number(value);
      }
      return sum;
    },
    reports: () =>
      operator.streams.flatMap(({ closeCode, reports }) => {
        const last = reports.at(-1);
        return closeCode === undefined && last !== undefined ? [last] : [];
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((one) => one[Symbol.asyncDispose]()));
      await balancer[Symbol.asyncDispose]();
      await operator.kill();
      for (const pod of pods) pod.remove();
    },
  };
  try {
    // One may be ready while another has not dialled yet; what they hear of each other is complete when all are there.
    await Promise.all(Array.from({ length: count }, () => fleet.add()));
    return fleet;
  } catch (error) {
    await fleet[Symbol.asyncDispose]();
    throw error;
  }
}
