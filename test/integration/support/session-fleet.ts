/** Replicas in front of one server, and clients with sessions there that are closed after each test of the file. */
import { randomBytes } from 'node:crypto';
import { afterEach } from 'vitest';

import {
  connectLegacy,
  type KitClient,
  type RunningServer,
  type ServerScript,
  startHttpServer,
} from '../../kit/index.ts';
import { type Fleet, type FleetMember, startFleet } from './replica-fleet.ts';
import { mcpServer } from './running-hub.ts';
import { documentOf } from './running-replica.ts';

export const adopted = 'quaymaster_sessions_adopted_total';

export interface SessionFleet {
  readonly server: RunningServer;
  readonly fleet: Fleet;
  readonly key: Buffer;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** A client of the legacy era with a session, by default of whichever replica. */
  legacy(url?: string): Promise<KitClient>;
  /** The same session at another replica. */
  elsewhere(session: KitClient, url: string): Promise<KitClient>;
  /** Closed at the end of the test. */
  keep(...clients: readonly { close(): Promise<unknown> }[]): void;
  member(n: number): FleetMember;
}

export function useSessionFleet(tools: NonNullable<ServerScript['tools']>): SessionFleet {
  const clients: { close(): Promise<unknown> }[] = [];
  const key = randomBytes(32);
  let server: RunningServer | undefined;
  let fleet: Fleet | undefined;
  const world: SessionFleet = {
    get server() {
      return started(server);
    },
    get fleet() {
      return started(fleet);
    },
    key,
    async start() {
      server = await startHttpServer({ era: 'legacy', tools });
      const spec = { source: { image: { image: 'example/server:1' } }, http: { port: 8080 } };
      const document = documentOf(1, [mcpServer('files', spec)], { files: { url: server.url, inCluster: true } });
      fleet = await startFleet(3, document, { key });
    },
    async stop() {
      await fleet?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    },
    async legacy(url = world.fleet.url) {
      const client = await connectLegacy(url, { capabilities: { roots: {} } });
      clients.push(client);
      return client;
    },
    async elsewhere({ sessionId }, url) {
      const client = await connectLegacy(url, { handshake: false });
      clients.push(client);
      client.sessionId = sessionId;
      return client;
    },
    keep: (...more) => void clients.push(...more),
    member(n) {
      const member = world.fleet.members[n];
      if (member === undefined) throw new Error('no such replica');
      return member;
    },
  };
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close().catch(() => undefined)));
  });
  return world;
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('start() comes first');
  return part;
}
