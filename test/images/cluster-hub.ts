/**
 * A hub and its servers in a cluster without an operator: the objects that are rendered, with the Secrets that an operator would keep. Their
 * Pods are what the images are tried in.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Cluster } from '@quaymaster/cluster';
import {
  assumeReferences,
  bridgeSecretFiles,
  compile,
  credentialKey,
  defaultRenderSettings,
  hubDocument,
  hubNames,
  hubSecretFiles,
  type KubeObject,
  renderHub,
  type RenderSettings,
  renderServer,
  serverNames,
  serverUrl,
} from '@quaymaster/crds';
import type { JsonObject } from '../kit/index.ts';
import { type Manifest, mcpHub } from '../integration/support/running-hub.ts';
import { createTestAuthority } from '../integration/support/test-authority.ts';

export const namespace = 'images';

const restricted = `
apiVersion: v1
kind: Namespace
metadata:
  name: ${namespace}
  labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted}
`;

/** Folder with archives of `quaymaster.local/echo-{static,glibc,musl}:1`. */
export function echoImages(): string {
  return execFileSync(join(import.meta.dirname, 'fixtures/build.sh'), { encoding: 'utf8' }).trim();
}

export async function deploy(
  cluster: Cluster,
  servers: readonly Manifest[],
  version: string,
  change: Partial<RenderSettings>,
): Promise<void> {
  await cluster.apply(restricted);
  const manifests = [mcpHub({ replicas: 1 }), ...servers].map((one) => ({
    ...one,
    metadata: { ...one.metadata, namespace },
  }));
  const settings = { ...defaultRenderSettings(version), ...change };
  const compiled = compile(manifests, { lookup: assumeReferences(manifests) });
  const [hub] = compiled.hubOutcomes;
  if (hub?.config === undefined) throw new Error(`the manifests make no hub: ${JSON.stringify(compiled.refused)}`);
  const objects: KubeObject[] = [...renderHub({ outcome: hub, settings }).objects];
  const addresses: Record<string, { url: string; bridgeToken: string; inCluster: true }> = {};
  const tokens: Record<string, string> = {};
  const secrets: JsonObject[] = [];
  for (const outcome of compiled.servers) {
    const { config, name } = outcome;
    if (config === undefined) throw new Error(`${name} does not compile`);
    objects.push(...renderServer({ outcome, settings }).objects);
    const secretName = serverNames(name).bridge;
    const token = randomBytes(24).toString('base64url');
    const bridgeToken = credentialKey(namespace, secretName, bridgeSecretFiles.token);
    tokens[bridgeToken] = token;
    secrets.push(secret(secretName, { [bridgeSecretFiles.token]: Buffer.from(token) }));
    addresses[config.key] = { url: serverUrl(config, settings), bridgeToken, inCluster: true };
  }
  const names = hubNames(hub.name);
  const document = hubDocument({ generation: 1, config: hub.config, addresses, hosts: [] });
  const { ca } = await createTestAuthority();
  secrets.push(
    secret(names.config, {
      [hubSecretFiles.document]: gzipSync(JSON.stringify(document)),
      [hubSecretFiles.authority]: Buffer.from(ca),
    }),
    secret(names.credentials, Object.fromEntries(Object.entries(tokens).map(([key, one]) => [key, Buffer.from(one)]))),
    secret(names.sealing, { [hubSecretFiles.sealingKey]: randomBytes(32) }),
  );
  const list = { apiVersion: 'v1', kind: 'List', items: [...secrets, ...objects.map(unowned)] };
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list));
}

/** What would own them is in no cluster here, and would have them collected. */
function unowned({ metadata, ...object }: KubeObject): JsonObject {
  const { ownerReferences: _owner, ...rest } = metadata;
  return { ...object, metadata: rest };
}

function secret(name: string, files: Readonly<Record<string, Buffer>>): JsonObject {
  const data = Object.fromEntries(Object.entries(files).map(([file, bytes]) => [file, bytes.toString('base64')]));
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data };
}
