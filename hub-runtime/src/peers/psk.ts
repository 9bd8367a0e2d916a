/**
 * TLS between replicas, keyed by what they share already (TLS 1.3 with a pre-shared key, RFC 8446 2.2): no certificates to make and rotate,
 * and an address that now belongs to another Pod learns nothing, since it cannot complete the handshake. See docs/decisions/0011.
 */
import type { PSKCallbackNegotation, TlsOptions } from 'node:tls';

import type { KeyRing } from '../session/index.ts';

const purpose = 'quaymaster peers tls 1';
const common = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;

export function pskClient(keys: KeyRing) {
  return {
    ...common,
    pskCallback: (): PSKCallbackNegotation => {
      const key = keys.sealing;
      return { psk: key.derive(purpose), identity: key.id.toString('hex') };
    },
    // Nobody who shows a certificate instead of the key is a peer, whoever vouches for it.
    ca: [] as string[],
    checkServerIdentity: (): Error => new Error('peers show no certificates'),
  };
}

export function pskServer(keys: KeyRing): TlsOptions {
  return {
    ...common,
    pskCallback: (_socket, identity) =>
      keys.opening.find((key) => key.id.toString('hex') === identity)?.derive(purpose) ?? null,
  };
}
