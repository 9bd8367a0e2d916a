/** Which document a replica of a hub runs, and what rotates beneath it: one real process, an operator that the test plays. */
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { contentHash, type HubDocument, hubDocument } from '@quaymaster/crds';

import { connectLegacy, connectModern, kitMatchers, type RunningServer, startHttpServer, until } from '../kit/index.ts';
import { load } from './support/load.ts';
import { config, descriptionOf, inCluster, useReplicaStage } from './support/replica-stage.ts';
import { mcpServer } from './support/running-hub.ts';
import { documentOf, secretKey, startReplica } from './support/running-replica.ts';
import { createTestAuthority } from './support/test-authority.ts';

expect.extend(kitMatchers);

const stage = useReplicaStage();

/** fetch writes its own Host. */
function statusFor(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** A document of another hub, whole in itself. */
function elsewhere(generation: number): HubDocument {
  const { config: own, addresses, hosts } = stage.basic(generation);
  const { hash: _hash, ...body } = { ...own, name: 'other' };
  const moved = { ...body, hash: contentHash(body) };
  return hubDocument({ generation, config: moved, addresses, hosts });
}

describe('which document runs', () => {
  test('EF-57 a document that does not fit is refused with the reason, and the last good one serves on', async () => {
    stage.pod.config({ document: stage.basic(5, { describe: 'good' }), ca: stage.authority.ca });
    await using replica = await startReplica(stage.pod, stage.operator.port);
    await using client = await connectModern(replica.url);
    await until(() => stage.operator.stream !== undefined, { because: 'the replica has dialled' });
    const stream = stage.operator.stream!;
    const good = stage.basic(6, { describe: 'bad' });
    const refusals: [HubDocument, RegExp][] = [
      [{ ...good, hash: 'abc' }, /does not have the hash/],
      [{ ...good, config: { ...good.config, path: '/other' } }, /does not have the hash/],
      [{ ...good, addresses: {} }, /hash/],
      [stage.basic(5, { describe: 'bad' }), /generation 5 runs as/],
      [stage.basic(4, { describe: 'bad' }), /generation 4 is older than 5/],
      [elsewhere(7), /document of default\/other, and this is default\/desk/],
    ];
    for (const [index, [document, why]] of refusals.entries()) {
      stream.send(config(document));
      await until(() => stream.acks.length === index + 1, { because: `document ${index} is answered` });
      expect(stream.acks.at(-1)).toMatchObject({ ok: false, message: expect.stringMatching(why) });
    }
    expect(await descriptionOf(client)).toBe('good');
    stream.send(config(stage.basic(6, { describe: 'better' })));
    await until(() => stream.acks.at(-1)?.ok === true, { because: 'a good one is taken over' });
    expect(await descriptionOf(client)).toBe('better');
  });

  test('EF-57 the highest generation wins, from whichever side: a late file never takes it back, a newer one is taken over', async () => {
    stage.pod.config({ document: stage.basic(1), ca: stage.authority.ca });
    stage.operator.greeting = [config(stage.basic(7, { describe: 'seven, streamed' }))];
    await using replica = await startReplica(stage.pod, stage.operator.port);
    await using client = await connectModern(replica.url);
    await until(async () => (await descriptionOf(client)) === 'seven, streamed', { because: 'the stream is ahead' });
    stage.pod.config({ document: stage.basic(6, { describe: 'six, late' }), ca: stage.authority.ca });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await descriptionOf(client)).toBe('seven, streamed');
    stage.pod.config({ document: stage.basic(8, { describe: 'eight, mounted' }), ca: stage.authority.ca });
    await until(async () => (await descriptionOf(client)) === 'eight, mounted', { because: 'the file is ahead' });
    stage.pod.config({ document: Buffer.from('no gzip'), ca: stage.authority.ca });
    await replica.program.line(/a mounted file cannot be used/);
    stage.pod.config({ document: gzipSync('{"version":2}'), ca: stage.authority.ca });
    await until(() => replica.program.stderr.match(/a mounted file cannot be used/g)?.length === 2, {
      because: 'each is named',
    });
    expect(await descriptionOf(client)).toBe('eight, mounted');
  });

  test('without any document it lives, is not ready, and begins with the first one that comes', async () => {
    stage.pod.config({ ca: stage.authority.ca });
    await using replica = await startReplica(stage.pod, stage.operator.port);
    expect((await fetch(`${replica.health}/livez`)).status).toBe(200);
    expect(await (await fetch(`${replica.health}/readyz`)).json()).toMatchObject({
      problems: ['no configuration yet'],
    });
    await until(() => stage.operator.dials.length > 0, { because: 'the replica has dialled' });
    stage.operator.streams[0]!.send(config(stage.basic(1, { hosts: ['desk.example.com'] })));
    await until(async () => (await fetch(`${replica.health}/readyz`)).status === 200, { because: 'it is ready' });
    const port = new URL(replica.url).port;
    const status = async (host: string): Promise<number> => statusFor(Number(port), host);
    expect(await status('desk.example.com')).not.toBe(403);
    expect(await status('evil.example.com')).toBe(403);
    expect(await status('localhost:9999')).not.toBe(403);
    stage.operator.streams[0]!.send(config(stage.basic(2, { hosts: ['other.example.com:8443'] })));
    await until(async () => (await status('desk.example.com')) === 403, { because: 'names are replaced' });
    expect(await status('other.example.com:8443')).not.toBe(403);
  });
});

describe('what rotates', () => {
  test('the token is read anew at each dial, the authority as well; an operator that cannot be verified hears no token', async () => {
    stage.pod.config({ document: stage.basic(1), ca: stage.authority.ca });
    await using replica = await startReplica(stage.pod, stage.operator.port);
    await until(() => stage.operator.stream !== undefined || stage.operator.dials.length > 0, {
      because: 'the replica has dialled',
    });
    const other = await createTestAuthority();
    stage.pod.token('token-2');
    stage.operator.tokens = new Set(['token-2']);
    await stage.operator.kill();
    await stage.operator.start(other);
    const { length } = stage.operator.dials;
    await replica.program.line(/cannot be reached.*|self-signed|unable to verify/i, 10_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(stage.operator.dials.length).toBe(length);
    // Both, as an operator does before it changes over.
    stage.pod.config({ document: stage.basic(1), ca: stage.authority.ca + other.ca });
    await until(() => stage.operator.stream?.token === 'token-2', {
      because: 'it trusts the new authority',
      timeoutMs: 10_000,
    });
    expect(stage.operator.dials.slice(length)).toEqual(['Bearer token-2']);
    expect(replica.program.stderr).not.toContain('token-2');
  });

  test('EF-57 HT-0.05 a changed value replaces exactly the servers that use it, and no call is lost', async () => {
    await using guarded = await startHttpServer({
      serverInfo: { name: 'guarded', version: '1' },
      tools: [{ name: 'echo' }, { name: 'whoami', does: { whoami: true } }],
    });
    const remote = mcpServer('remote', {
      source: {
        remote: {
          url: guarded.url,
          headers: [{ name: 'X-Key', valueFrom: { secretKeyRef: { name: 'keys', key: 'k' } } }],
        },
      },
    });
    const document = documentOf(1, [remote, inCluster('files')], {
      remote: { url: guarded.url, inCluster: false },
      files: { url: stage.files.url, inCluster: true, bridgeToken: secretKey('files-bridge', 'token') },
    });
    const values = (key: string, token: string) => ({
      [secretKey('keys', 'k')]: Buffer.from(key).toString('base64'),
      [secretKey('files-bridge', 'token')]: Buffer.from(token).toString('base64'),
    });
    stage.pod.credentials({ [secretKey('keys', 'k')]: 'first', [secretKey('files-bridge', 'token')]: 'bridge-1' });
    stage.pod.config({ document, ca: stage.authority.ca });
    stage.operator.greeting = [
      { type: 'credentials', hash: 'c1', values: values('first', 'bridge-1') },
      config(document),
    ];
    await using replica = await startReplica(stage.pod, stage.operator.port);
    await using client = await connectModern(replica.url);
    await using second = await connectLegacy(replica.url);
    await until(() => stage.operator.stream !== undefined, { because: 'the replica has dialled' });
    const seen = async (): Promise<{ key: unknown }> => {
      const { result } = await client.callTool('remote_whoami', {});
      const [block] = (result?.['content'] ?? []) as { text: string }[];
      const { headers } = JSON.parse(block?.text ?? '{}') as { headers?: Record<string, string> };
      return { key: headers?.['x-key'] };
    };
    expect(await seen()).toEqual({ key: 'first' });
    const bearers = (): Set<string> =>
      new Set(stage.files.calls.map(({ headers }) => headers?.['authorization'] ?? ''));
    const handshakes = (server: RunningServer): number =>
      server.calls.filter(({ method }) => method === 'server/discover' || method === 'initialize').length;
    const before = handshakes(stage.files);
    expect(bearers()).toEqual(new Set(['Bearer bridge-1']));
    const pressure = load([client, second], ['remote', 'files']);
    stage.operator.stream!.send({ type: 'credentials', hash: 'c2', values: values('second', 'bridge-1') });
    await until(async () => (await seen()).key === 'second', { because: 'the new value is shown' });
    expect(handshakes(stage.files)).toBe(before);
    const others = handshakes(guarded);
    stage.operator.stream!.send({ type: 'credentials', hash: 'c3', values: values('second', 'bridge-2') });
    await until(() => bearers().has('Bearer bridge-2'), { because: 'the new token is shown' });
    await pressure.stop();
    expect(pressure.failures).toEqual([]);
    expect(handshakes(guarded)).toBe(others);
    expect(replica.program.stderr).not.toMatch(/first|second"|bridge-[12]/);
  }, 30_000);
});
