/**
 * The key of checksums: 32 random bytes in a Secret of the operator's namespace, made once.
 *
 * It must outlive the operator, because checksums stand in Pod templates: another key would restart every server that refers to a Secret.
 */
import { randomBytes } from 'node:crypto';

import { isStatus, type KubeClient, type KubeObject } from '../kube/index.ts';
import { resources } from './resources.ts';
import { fieldManager, managedBy } from './slim.ts';

export const checksumSecret = 'quaymaster-operator-checksums';
const file = 'key';
const keyBytes = 32;

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

export async function checksumKey(client: KubeClient, namespace: string, signal?: AbortSignal): Promise<Buffer> {
  const stored = await readKey(client, namespace, signal);
  if (stored !== undefined) return stored;
  const key = randomBytes(keyBytes);
  const secret: Secret & { readonly type: string } = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: checksumSecret, namespace, labels: { [managedBy]: 'quaymaster' } },
    type: 'Opaque',
    data: { [file]: key.toString('base64') },
  };
  try {
    await client.create(resources.secrets, secret, { fieldManager }, signal);
    return key;
  } catch (error) {
    // A former leader was faster.
    const other = isStatus(error, 409) ? await readKey(client, namespace, signal) : undefined;
    if (other === undefined) throw error;
    return other;
  }
}

async function readKey(client: KubeClient, namespace: string, signal?: AbortSignal): Promise<Buffer | undefined> {
  try {
    const secret = await client.get<Secret>(resources.secrets, namespace, checksumSecret, signal);
    const key = Buffer.from(secret.data?.[file] ?? '', 'base64');
    if (key.length >= keyBytes) return key;
    throw new TypeError(`Secret ${namespace}/${checksumSecret} holds no key; delete it, and it is made anew`);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}
