import 'reflect-metadata';

import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

import * as x509 from '@peculiar/x509';
import { systemClock } from 'quaymaster/base';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTransport } from './create-transport.ts';
import type { TlsMaterial } from './credentials.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function selfSigned(): Promise<Pair> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=api',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 3_600_000),
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
}

let server: Server;
let first: Pair;
let second: Pair;

beforeAll(async () => {
  [first, second] = await Promise.all([selfSigned(), selfSigned()]);
  // Every request is a connection.
  server = createServer(first, (_request, response) => {
    response.setHeader('connection', 'close').end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

test('TLS material counts for the next connection; what cannot be read fails that connection, and is neither kept nor replaced by what was before', async () => {
  let material: TlsMaterial = { ca: first.cert };
  const transport = createTransport({
    endpoint: {
      server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      namespace: 'default',
      credentials: {
        authorization: () => Promise.resolve(undefined),
        renew: () => Promise.resolve(false),
        tls: () => Promise.resolve(material),
      },
    },
    clock: systemClock,
    userAgent: 'test',
  });
  const get = () => transport.send({ method: 'GET', path: '/' }).then(({ status }) => status);
  try {
    expect(await Promise.all([get(), get(), get()])).toEqual([200, 200, 200]);
    material = { ca: first.cert, cert: first.cert, key: 'half a ke' };
    for (let attempt = 0; attempt < 2; attempt++) await expect(get()).rejects.toMatchObject({ code: 'KUBE_NETWORK' });
    material = { ca: first.cert };
    expect(await get()).toBe(200);
    server.setSecureContext(second);
    await expect(get()).rejects.toMatchObject({ code: 'KUBE_NETWORK' });
    material = { ca: second.cert };
    expect(await get()).toBe(200);
  } finally {
    await transport.close();
  }
});
