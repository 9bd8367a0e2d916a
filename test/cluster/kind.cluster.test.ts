/** Level node by kind, with programs that only write down what they are asked: what they are told must be right. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const tool = join(import.meta.dirname, 'cluster');
const work = mkdtempSync(join(tmpdir(), 'qm-kind-'));
const bin = join(work, 'bin');
const said = join(work, 'said');
const env = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
  QM_CLUSTER_CACHE: join(work, 'cache'),
  SAID: said,
};
const cluster = (...args: string[]): string => execFileSync(tool, args, { env, encoding: 'utf8', stdio: 'pipe' });
const commands = (): string[] => readFileSync(said, 'utf8').trimEnd().split('\n');

function fake(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/usr/bin/env bash\necho "${name} $*" >>"$SAID"\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

beforeAll(() => {
  mkdirSync(bin);
  fake('docker', 'case $* in *IPAddress*) echo 172.18.0.2 ;; *Config.Image*) echo kindest/node:v1 ;; esac');
  fake('kind', 'while (($#)); do [[ $1 != --kubeconfig ]] || echo x >"$2"; shift; done');
  fake('kubectl', 'case $* in *version*) echo "Server Version: v1.37.0" ;; *readyz*) echo ok ;; esac');
  fake('helm', '');
  fake('ip', '');
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('HT-I3 where a container engine answers', () => {
  test('kind is chosen by itself, and told the ranges, the rates and the audit log', () => {
    cluster('up', 'box', '--level', 'node', '--audit');
    const run = join(work, 'cache/run/box');
    expect(commands()).toContainEqual(
      `kind create cluster --name qm-box --config ${run}/kind.yaml --kubeconfig ${run}/admin.kubeconfig --wait 180s`,
    );
    const config = parse(readFileSync(join(run, 'kind.yaml'), 'utf8')) as {
      networking: Record<string, string>;
      nodes: { extraMounts: unknown[]; kubeadmConfigPatches: string[] }[];
    };
    expect(config.networking['serviceSubnet']).toMatch(/^10\.\d+\.\d+\.0\/20$/);
    expect(config.nodes[0]?.extraMounts).toHaveLength(2);
    const patch = parse(config.nodes[0]?.kubeadmConfigPatches[0] ?? '') as Record<string, { extraArgs?: unknown[] }>;
    expect(patch['controllerManager']?.extraArgs).toContainEqual({ name: 'concurrent-deployment-syncs', value: '20' });
    expect(patch['apiServer']?.extraArgs).toContainEqual({
      name: 'audit-log-path',
      value: '/var/log/quaymaster/audit.log',
    });
    expect(cluster('env', 'box')).toContain(`QM_CLUSTER_AUDIT='${run}/audit/audit.log'`);
  });

  test('Services lead to the node', () => {
    expect(commands().filter((line) => / route add 10\.\S+ via 172\.18\.0\.2$/.test(line))).toHaveLength(2);
  });

  test('images are loaded, components killed for good and restarted', () => {
    cluster('load-image', 'box', '/tmp/web.tar');
    cluster('kill', 'box', 'kube-apiserver');
    cluster('restart', 'box', 'kube-apiserver');
    cluster('kill', 'box', 'kubelet');
    const node = 'docker exec qm-box-control-plane sh -c';
    const lines = commands().join('\n');
    expect(lines).toContain('kind load image-archive /tmp/web.tar --name qm-box');
    expect(lines).toContain(
      `${node} mkdir -p /etc/quaymaster-stopped && mv /etc/kubernetes/manifests/kube-apiserver.yaml /etc/quaymaster-stopped/; pkill -KILL -x kube-apiserver`,
    );
    expect(lines).toContain('mv /etc/quaymaster-stopped/kube-apiserver.yaml /etc/kubernetes/manifests/');
    expect(lines).toContain(`${node} systemctl kill -s KILL kubelet`);
  });

  test('down deletes the cluster, its routes and its folder', () => {
    cluster('down', 'box');
    expect(commands()).toContainEqual(expect.stringMatching(/^kind delete cluster --name qm-box /));
    expect(commands().filter((line) => / route del /.test(line))).toHaveLength(2);
    expect(existsSync(join(work, 'cache/run/box'))).toBe(false);
  });
});

test('HT-I3 an engine whose daemon does not answer is none', () => {
  fake('docker', 'exit 1');
  fake('podman', 'exit 1');
  expect(() => cluster('up', 'box', '--level', 'node', '--with', 'kind')).toThrow(
    'a container engine that answers: docker or podman',
  );
});
