/**
 * Makes the two certificates of the control stream: an authority, and what the operator serves with.
 *
 * The X.509 library costs some 20 MiB and a quarter of a second; it is loaded when something is issued, so neither a standby nor a leader in
 * its daily life has it in memory. Keys are ECDSA on P-256, made by Node.
 */
import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Issuer {
  authority(now: number): Promise<Issued>;
  serving(authority: Issued, hosts: readonly string[], now: number): Promise<Issued>;
}

const dayMs = 24 * 3_600 * 1_000;
/** Clocks of nodes differ; a certificate is valid since a little while when it is made. */
export const backdatedMs = 5 * 60 * 1_000;
export const authorityMs = 3_653 * dayMs;
export const servingMs = 90 * dayMs;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export function createIssuer(): Issuer {
  return {
    async authority(now) {
      const x509 = await library();
      const keys = await generateKeys();
      const name = 'CN=Quaymaster control stream';
      const certificate = await x509.X509CertificateGenerator.create(
        {
          subject: name,
          issuer: name,
          ...validity(now, authorityMs),
          signingAlgorithm: algorithm,
          publicKey: keys.publicKey,
          signingKey: keys.privateKey,
          extensions: [
            new x509.BasicConstraintsExtension(true, 0, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
            await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
          ],
        },
        crypto,
      );
      return { cert: pem(certificate.toString('pem')), key: await exportKey(keys.privateKey) };
    },
    async serving(authority, hosts, now) {
      const x509 = await library();
      const keys = await generateKeys();
      const parent = new x509.X509Certificate(authority.cert);
      const certificate = await x509.X509CertificateGenerator.create(
        {
          subject: 'CN=quaymaster-operator-control',
          issuer: parent.subject,
          ...validity(now, servingMs),
          signingAlgorithm: algorithm,
          publicKey: keys.publicKey,
          signingKey: await importKey(authority.key),
          extensions: [
            new x509.BasicConstraintsExtension(false, undefined, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
            new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
            new x509.SubjectAlternativeNameExtension(
              hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host })),
            ),
            await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
            await x509.AuthorityKeyIdentifierExtension.create(parent, false, crypto),
          ],
        },
        crypto,
      );
      return { cert: pem(certificate.toString('pem')), key: await exportKey(keys.privateKey) };
    },
  };
}

async function library() {
  // The library asks for this one before itself.
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

function validity(now: number, lifeMs: number) {
  return { notBefore: new Date(now - backdatedMs), notAfter: new Date(now + lifeMs) };
}

async function generateKeys() {
  return await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

async function importKey(key: string): Promise<webcrypto.CryptoKey> {
  const bytes = Buffer.from(key.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return await crypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign']);
}

function pem(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
