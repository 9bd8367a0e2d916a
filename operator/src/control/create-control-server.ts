/**
 * The control stream, operator side: hub Pods dial in, get all that is published for their hub, and report.
 *
 * Every replica of the operator listens. Only the leader keeps streams; the others say who leads. Everything sent is the complete state of
 * its kind, so a broken stream is made good by the next one, and nothing is queued for anyone.
 */
import { controlClose, type HelloMessage } from '@quaymaster/crds';
import type { WebSocket } from 'ws';

import { createAdmission, notAuthorized } from './admission.ts';
import { createChangeFeed } from './change-feed.ts';
import type { ControlServer, ControlServerDeps, PodIdentity } from './control-types.ts';
import { createHubGroup, type HubGroup } from './hub-group.ts';
import { createHubStream, type HubStream } from './hub-stream.ts';
import { defaultControlLimits } from './limits.ts';
import { createListener, type Listener } from './listener.ts';
import { createRejections } from './rejections.ts';
import { createTokenReviewer } from './token-reviewer.ts';

export function createControlServer(deps: ControlServerDeps): ControlServer {
  const { clock, logger, metrics } = deps;
  const limits = { ...defaultControlLimits, ...deps.limits };
  const groups = new Map<string, HubGroup>();
  const rejections = createRejections({ clock, logger, metrics });
  const changes = createChangeFeed((error) => logger.error({ error: String(error) }, 'a listener of hubs failed'));
  const reviewer = createTokenReviewer({ ...deps, limits });
  let listener: Listener | undefined;
  let stopSweep = (): void => {};

  const groupOf = (hub: string): HubGroup => {
    let group = groups.get(hub);
    if (group === undefined) {
      group = createHubGroup(clock);
      groups.set(hub, group);
    }
    return group;
  };
  const forgetEmpty = (hub: string): void => {
    if (groups.get(hub)?.isEmpty === true) groups.delete(hub);
  };
  const countStreams = (): void => {
    let proven = 0;
    for (const group of groups.values()) proven += group.size;
    metrics.gauge('quaymaster_control_connections', { state: 'proven' }, proven);
  };

  const onAdmitted = (socket: WebSocket, pod: PodIdentity, hello: HelloMessage, address: string | undefined) => {
    const { hub } = hello;
    const group = groupOf(hub);
    const fields = { hub, pod: pod.name, address };
    let isIn = true;
    const left = (): void => {
      if (!isIn) return;
      isIn = false;
      group.leave(stream);
      forgetEmpty(hub);
      countStreams();
      changes.tell(hub, 'state');
    };
    const stream: HubStream = createHubStream({
      socket,
      hello: { ...hello, version: hello.version.slice(0, 64) },
      pod,
      clock,
      metrics,
      limits,
      frames: group.frames,
      mayTell: deps.isLeader,
      onEnd(why) {
        if (why !== undefined) rejections.reject(why, fields);
        left();
      },
      onChange: (what) => changes.tell(hub, what),
      onOversize: ({ type }) => rejections.reject('documentTooLarge', { ...fields, type }),
    });
    socket.on('close', (code) => {
      logger.info({ ...fields, code }, 'hub replica disconnected');
      left();
    });
    logger.info({ ...fields, version: hello.version.slice(0, 64) }, 'hub replica connected');
    group.join(stream);
    countStreams();
    changes.tell(hub, 'state');
    return stream.receive;
  };

  const admission = createAdmission({
    ...deps,
    limits,
    reviewer,
    rejections,
    onAdmitted,
    hasRoom(hub, podUid) {
      const group = groups.get(hub);
      return group === undefined || group.has(podUid) || group.size < limits.connectionsPerHub;
    },
    onUnproven: (count) => metrics.gauge('quaymaster_control_connections', { state: 'unproven' }, count),
  });

  const endAll = (code: number, text: string): void => {
    for (const group of groups.values()) for (const stream of group.streams()) stream.end(code, text);
  };

  const sweep = (): void => {
    listener?.refresh();
    if (!deps.isLeader()) return endAll(controlClose.notLeader, deps.leaderAddress() ?? '');
    const now = clock.monotonic();
    for (const [hub, group] of groups) {
      for (const stream of group.streams()) {
        const refusal = notAuthorized(deps.authorize(hub, stream.pod));
        if (refusal === undefined) stream.sweep(now);
        else stream.end(refusal.code, refusal.text, refusal.why);
      }
      group.tidy();
      forgetEmpty(hub);
    }
  };

  return {
    async listen() {
      listener = createListener({
        tls: deps.tls,
        clock,
        port: deps.port,
        host: deps.host,
        limits,
        isFull: () => admission.unproven >= limits.unproven,
        onStream: admission.admit,
        onReject: (reason, address) => rejections.reject(reason, { address }),
      });
      stopSweep = clock.every(limits.sweepMs, sweep);
      return await listener.listen();
    },
    publish: (hub, state) => groupOf(hub).publish(state),
    forget(hub) {
      const group = groups.get(hub);
      if (group === undefined) return;
      groups.delete(hub);
      for (const stream of group.streams()) stream.end(controlClose.unknownHub, 'the hub is gone');
    },
    replicas: (hub) => groups.get(hub)?.replicas() ?? [],
    onChange: changes.subscribe,
    async close() {
      stopSweep();
      endAll(controlClose.goingAway, 'the operator ends');
      await listener?.close();
    },
  };
}
