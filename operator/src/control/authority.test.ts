/** The certificates of the control stream through ten years, two leaders and a careless hand. */
import { X509Certificate } from 'node:crypto';

import { createLogger, createTestClock, type TestClock } from 'quaymaster/base';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { until } from '../kube/testing/index.ts';
import {
  type AuthorityFiles,
  bringUpToDate,
  bundleOf,
  nextStep,
  readFiles,
  successionMs,
  writeFiles,
} from './authority-files.ts';
import type { ControlAuthority } from './authority-types.ts';
import { createControlAuthority } from './create-control-authority.ts';
import { createIssuer } from './issue-certificates.ts';
import { createFakeSecrets, type FakeSecrets } from './testing/index.ts';

const day = 24 * 3_600 * 1_000;
const hosts = ['quaymaster-operator-control', 'quaymaster-operator-control.qm.svc', '10.0.0.1'];
const issuer = createIssuer();
const start = Date.UTC(2026, 0, 1);
let files: AuthorityFiles;
let servingCert: X509Certificate;
let authorityCert: X509Certificate;

beforeAll(async () => {
  ({ files } = await bringUpToDate(undefined, hosts, start, issuer));
  servingCert = new X509Certificate(files.serving?.cert ?? '');
  authorityCert = new X509Certificate(files.signing.cert);
});

describe('what is issued', () => {
  test('an authority of ten years that may sign certificates of servers, and nothing below them', () => {
    expect(authorityCert.ca).toBe(true);
    expect(authorityCert.verify(authorityCert.publicKey)).toBe(true);
    expect(authorityCert.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect((authorityCert.validToDate.getTime() - start) / day).toBe(3_653);
  });

  test('a serving certificate of 90 days for every name of the Service, valid a little before now', () => {
    expect(servingCert.ca).toBe(false);
    expect(servingCert.checkIssued(authorityCert)).toBe(true);
    expect(servingCert.subjectAltName).toBe(
      'DNS:quaymaster-operator-control, DNS:quaymaster-operator-control.qm.svc, IP Address:10.0.0.1',
    );
    // serverAuth, and nothing else.
    expect(servingCert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(start - servingCert.validFromDate.getTime()).toBe(5 * 60 * 1_000);
    expect((servingCert.validToDate.getTime() - start) / day).toBe(90);
  });

  test('no two are alike', async () => {
    const again = await issuer.serving(files.signing, hosts, start);
    expect(new X509Certificate(again.cert).serialNumber).not.toBe(servingCert.serialNumber);
    expect(again.key).not.toBe(files.serving?.key);
  });
});

describe('what has to happen', () => {
  test('a Secret comes back as it was written', () => {
    const next = { ...files, former: [], next: files.signing };
    expect(readFiles(writeFiles(files))).toEqual(files);
    expect(bundleOf(next).match(/BEGIN/g)).toHaveLength(2);
  });

  test.each([
    ['nothing', {}],
    ['rubbish', { 'ca.crt': 'AAAA', 'ca.key': 'AAAA' }],
    ['an authority without its key', { 'ca.key': '' }],
    ['an authority that is none', { 'ca.crt': 'tls.crt', 'ca.key': 'tls.key' }],
  ])('%s cannot sign: a new life begins', (_title, over) => {
    const data = writeFiles(files);
    const from = (over: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(over).map(([name, value]) => [name, data[value] ?? value]));
    const broken = Object.keys(over).length === 0 ? {} : { ...data, ...from(over) };
    expect(readFiles(broken)).toBeUndefined();
    expect(nextStep(readFiles(broken), hosts, start)).toBe('begin');
  });

  test.each<[number, string]>([
    [0, 'keep'],
    [59, 'keep'],
    [61, 'serve'],
    [100, 'serve'],
    [2_000, 'serve'],
    [2_436, 'prepare'],
    [3_654, 'begin'],
    [-1, 'serve'],
  ])('after %i days: %s', (days, step) => {
    expect(nextStep(files, hosts, start + days * day)).toBe(step);
  });

  test('a serving certificate that does not fit is replaced: other names, other authority, other key, none', async () => {
    expect(nextStep(files, [...hosts, 'control.example.com'], start)).toBe('serve');
    expect(nextStep(files, [...hosts, '10.0.0.2'], start)).toBe('serve');
    const other = await issuer.authority(start);
    expect(nextStep({ ...files, signing: other }, hosts, start)).toBe('serve');
    const { serving: _serving, ...rest } = files;
    expect(nextStep(rest, hosts, start)).toBe('serve');
    const data = writeFiles(files);
    expect(readFiles({ ...data, 'tls.key': data['ca.key'] ?? '' })).toEqual(rest);
  });

  test('an authority is followed by one that hubs have trusted for a day before it signs', async () => {
    const late = start + 2_500 * day;
    const prepared = await bringUpToDate(files, hosts, late, issuer);
    expect(prepared.steps).toEqual(['prepare', 'serve']);
    const stored = readFiles(writeFiles(prepared.files));
    expect(stored).toEqual(prepared.files);
    expect(bundleOf(prepared.files).match(/BEGIN/g)).toHaveLength(2);
    // Still signed by the former one: hubs with the former bundle are served.
    expect(new X509Certificate(prepared.files.serving?.cert ?? '').verify(authorityCert.publicKey)).toBe(true);
    expect(nextStep(stored, hosts, late + successionMs - 1)).toBe('keep');
    const succeeded = await bringUpToDate(stored, hosts, late + successionMs, issuer);
    expect(succeeded.steps).toEqual(['succeed', 'serve']);
    expect(succeeded.files.signing).toEqual(prepared.files.next);
    expect(succeeded.files.former).toEqual([files.signing.cert]);
    // The same two are trusted; the order is of no matter to hubs.
    expect(readFiles(writeFiles(succeeded.files))).toEqual(succeeded.files);
    const end = await bringUpToDate(succeeded.files, hosts, start + 3_700 * day, issuer);
    expect(end.steps).toContain('prune');
    expect(end.files.former).toEqual([]);
    expect(nextStep(end.files, hosts, start + 3_700 * day)).toBe('keep');
  });

  test('steps that come to no rest are an error, not a loop', async () => {
    const stubborn = { ...issuer, serving: () => issuer.serving(files.signing, ['other'], start) };
    await expect(bringUpToDate(files, ['mine'], start, stubborn)).rejects.toThrow('do not come to rest');
  });
});

describe('keeping the Secret', () => {
  let secrets: FakeSecrets;
  let clock: TestClock;
  let stop: AbortController;
  let log: string[];
  /** The wall clock leaps, so that no test lives through 60 days of looking twice a minute. */
  let leap = 0;
  const running: Promise<void>[] = [];
  beforeEach(() => {
    secrets = createFakeSecrets();
    clock = createTestClock(start);
    stop = new AbortController();
    log = [];
    leap = 0;
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(running.splice(0));
    expect(clock.pending).toBe(0);
  });

  const begin = (isLeader: () => boolean): ControlAuthority => {
    const authority = createControlAuthority({
      client: secrets.client,
      namespace: 'qm',
      clusterDomain: 'cluster.local',
      clock: { ...clock, now: () => clock.now() + leap },
      logger: createLogger({ level: 'debug', destination: { write: (line) => log.push(line) } }),
      isLeader,
    });
    running.push(authority.run(stop.signal));
    return authority;
  };
  /** Everybody has looked and waits for the next time. */
  const resting = () => until('all wait', () => clock.pending === running.length);

  test('the leader makes it, a standby waits for it, and both serve the same', async () => {
    const standby = begin(() => false);
    expect(() => standby.tls()).toThrow('no certificate yet');
    const leader = begin(() => true);
    await leader.ready();
    await resting();
    await clock.advance(1_000);
    await standby.ready();
    await standby.ready();
    expect(standby.tls()).toEqual(leader.tls());
    expect(standby.ca()).toBe(leader.ca());
    expect(secrets.secret).toMatchObject({
      type: 'kubernetes.io/tls',
      metadata: { name: 'quaymaster-operator-control', namespace: 'qm' },
    });
    for (const name of ['', '.qm', '.qm.svc', '.qm.svc.cluster.local'])
      expect(new X509Certificate(leader.tls().cert).checkHost(`quaymaster-operator-control${name}`)).toBeDefined();
    expect(secrets.writes).toEqual(['create']);
    await clock.advance(3_600_000);
    expect(secrets.writes).toEqual(['create']);
  });

  test('two that believe to lead end with one authority', async () => {
    const one = begin(() => true);
    const two = begin(() => true);
    await resting();
    await clock.advance(250);
    await Promise.all([one.ready(), two.ready()]);
    expect(secrets.writes).toEqual(['create']);
    expect(two.ca()).toBe(one.ca());
    expect(two.tls()).toEqual(one.tls());
  });

  test('a write that somebody overtook is given up, and what they wrote is taken', async () => {
    const leader = begin(() => true);
    await leader.ready();
    await resting();
    let calls = 0;
    secrets.before = () => {
      // Another one renews in between, once.
      if (calls++ > 0 || secrets.secret === undefined) return;
      secrets.secret = { ...secrets.secret, metadata: { ...secrets.secret.metadata, resourceVersion: '99' } };
    };
    leap = 61 * day;
    await clock.advance(30_000);
    await until('tried', () => calls === 1);
    await resting();
    expect(secrets.writes).toEqual(['create']);
    await clock.advance(250);
    await until('renewed', () => secrets.writes.length === 2);
    expect(calls).toBe(2);
  });

  test('renewed after two thirds; the authority stays, and nobody is told of a new bundle', async () => {
    const leader = begin(() => true);
    await leader.ready();
    await resting();
    const [bundle, { cert }] = [leader.ca(), leader.tls()];
    let told = 0;
    const forget = leader.onChange(() => {
      told += 1;
    });
    leap = 61 * day;
    await clock.advance(30_000);
    await until('renewed', () => leader.tls().cert !== cert);
    expect(leader.ca()).toBe(bundle);
    expect(told).toBe(0);
    forget();
  });

  test('a Secret deleted by hand comes back at once when poked, and hubs get the new authority', async () => {
    const leader = begin(() => true);
    await leader.ready();
    await resting();
    const before = leader.ca();
    const told: string[] = [];
    const forget = leader.onChange(() => told.push(leader.ca()));
    secrets.secret = undefined;
    leader.poke();
    await until('a new one', () => secrets.secret !== undefined && told.length === 1);
    expect(told[0]).not.toBe(before);
    expect(secrets.writes).toEqual(['create', 'create']);
    forget();
  });

  test('a poke while a look is under way is a look after it', async () => {
    const leader = begin(() => true);
    // The first look is still making keys.
    leader.poke();
    await leader.ready();
    secrets.secret = undefined;
    await until('a new one', () => secrets.writes.length === 2);
  });

  test('a Secret that somebody made before, empty, is filled and keeps what is theirs', async () => {
    const metadata = {
      name: 'quaymaster-operator-control',
      namespace: 'qm',
      labels: { theirs: 'yes' },
      resourceVersion: '1',
    };
    secrets.secret = { apiVersion: 'v1', kind: 'Secret', metadata };
    await begin(() => true).ready();
    expect(secrets.secret?.metadata.labels).toEqual({ theirs: 'yes' });
    expect(secrets.writes).toEqual(['replace']);
  });

  test('a standby keeps what it has when the Secret is gone or broken; failures are retried, and no key is logged', async () => {
    let leads = true;
    const authority = begin(() => leads);
    await authority.ready();
    await resting();
    leads = false;
    const { cert, key } = authority.tls();
    secrets.secret = undefined;
    await clock.advance(60_000);
    expect(authority.tls().cert).toBe(cert);
    secrets.failing = true;
    await clock.advance(60_000);
    secrets.failing = false;
    leads = true;
    await resting();
    await clock.advance(30_000);
    await until('a new one', () => authority.tls().cert !== cert);
    expect(log.join('')).toContain('could not be looked after');
    for (const secret of [key, authority.tls().key]) expect(log.join('')).not.toContain(secret.split('\n')[1]);
  });

  test('waiting ends with the signal', async () => {
    const patience = new AbortController();
    const ready = begin(() => false).ready(patience.signal);
    patience.abort(new Error('enough'));
    await expect(ready).rejects.toThrow('enough');
  });
});
