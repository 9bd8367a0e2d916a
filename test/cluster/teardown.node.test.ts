/** What a node-level cluster does to the machine, and that all of it is undone. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startCluster } from './index.ts';

const tool = join(import.meta.dirname, 'cluster');
const cgroups = '/sys/fs/cgroup';
const settings = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'];

/** The parts of the machine that a node reaches into. */
function machine(): Record<string, unknown> {
  const lines = (command: string, ...args: string[]) =>
    execFileSync(command, args, { encoding: 'utf8' }).trimEnd().split('\n').toSorted();
  return {
    links: lines('ip', '-o', 'link').map((line) => line.split(':')[1]?.trim()),
    routes: lines('ip', 'route'),
    mounts: readFileSync('/proc/self/mounts', 'utf8').split('\n').toSorted(),
    cgroups: readdirSync(cgroups).filter((name) => existsSync(join(cgroups, name, 'qm'))),
    settings: settings.map((name) => readFileSync(join('/proc/sys', name), 'utf8')),
    forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'),
    kubelet: existsSync('/var/lib/kubelet'),
  };
}

test('HT-I3 one node at a time, and the machine afterwards is as it was', async () => {
  const before = machine();
  {
    await using cluster = await startCluster({ level: 'node', name: 'teardown' });
    if (cluster.maker === 'self') {
      expect(machine()).not.toEqual(before);
      const second = () => execFileSync(tool, ['up', 'second', '--level', 'node'], { stdio: 'pipe', encoding: 'utf8' });
      expect(second).toThrow('a node-level cluster is on this machine already (teardown)');
      expect(await cluster.kubectl(['get', '--raw', '/readyz'])).toBe('ok');
    }
  }
  expect(machine()).toEqual(before);
});
