/** A certificate authority for one test, and certificates it signs. */
import 'reflect-metadata';
import { webcrypto as crypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface TestAuthority {
  /** PEM. */
  readonly ca: string;
  issue(name: string): Promise<{ cert: string; key: string }>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

export async function createTestAuthority(): Promise<TestAuthority> {
  const name = 'CN=Test authority';
  const own = await keyPair();
  const authority = await X509CertificateGenerator.create(
    {
      subject: name,
      issuer: name,
      ...validity(),
      signingAlgorithm: algorithm,
      publicKey: own.publicKey,
      signingKey: own.privateKey,
      // Without key identifiers two authorities of one name could not be told apart.
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        await SubjectKeyIdentifierExtension.create(own.publicKey, false, crypto),
      ],
    },
    crypto,
  );
  return {
    ca: pem(authority),
    async issue(host) {
      const keys = await keyPair();
      const certificate = await X509CertificateGenerator.create(
        {
          subject: `CN=${host}`,
          issuer: name,
          ...validity(),
          signingAlgorithm: algorithm,
          publicKey: keys.publicKey,
          signingKey: own.privateKey,
          extensions: [
            new SubjectAlternativeNameExtension([{ type: 'dns', value: host }]),
            await AuthorityKeyIdentifierExtension.create(authority, false, crypto),
          ],
        },
        crypto,
      );
      const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
      return { cert: pem(certificate), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
    },
  };
}

function keyPair() {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function validity() {
  return { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + dayMs) };
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
