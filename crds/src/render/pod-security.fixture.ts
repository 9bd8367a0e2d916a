/** The rules of Pod Security "restricted" (and "baseline", which it contains), written down a second time to judge what is rendered. */
/* oxlint-disable typescript/no-explicit-any */

const volumeTypes = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
]);

export function restrictedViolations(pod: any): string[] {
  const out: string[] = [];
  const check = (fine: boolean, what: string): void => void (fine || out.push(what));
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) check(pod[name] !== true, name);
  for (const volume of pod.volumes ?? []) {
    const types = Object.keys(volume).filter((key) => key !== 'name');
    check(types.length === 1 && volumeTypes.has(types[0] ?? ''), `volume ${volume.name}`);
  }
  for (const { name } of pod.securityContext?.sysctls ?? []) check(safeSysctls.has(name), `sysctl ${name}`);
  check(pod.securityContext?.runAsUser !== 0, 'pod: root');
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
    const own = container.securityContext ?? {};
    const either = (name: string): any => own[name] ?? pod.securityContext?.[name];
    const say = (what: string): string => `${container.name}: ${what}`;
    check(own.privileged !== true, say('privileged'));
    check(own.allowPrivilegeEscalation === false, say('allowPrivilegeEscalation'));
    check(either('runAsNonRoot') === true, say('runAsNonRoot'));
    check(own.runAsUser !== 0, say('root'));
    check(['RuntimeDefault', 'Localhost'].includes(either('seccompProfile')?.type), say('seccompProfile'));
    check((own.capabilities?.drop ?? []).includes('ALL'), say('capabilities.drop'));
    check(
      (own.capabilities?.add ?? []).every((one: string) => one === 'NET_BIND_SERVICE'),
      say('capabilities.add'),
    );
    check(own.procMount === undefined || own.procMount === 'Default', say('procMount'));
    check(
      (container.ports ?? []).every((port: any) => port.hostPort === undefined),
      say('hostPort'),
    );
  }
  return out;
}
