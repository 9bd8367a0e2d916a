/**
 * One hub Pod of a fleet. Dials until told to stop: where a standby points to, else again after a while; says what it runs; acknowledges
 * every document; reports what changed at once, and its counters now and then.
 */
import type { EndpointsMessage, HubMessage, OperatorMessage } from '@quaymaster/crds';
import { type ClientOptions, WebSocket } from 'ws';
import { reportOf, type Running, runningOf } from './facts.ts';
import type { FleetOptions, FleetPod, FleetPodState } from './fleet-types.ts';

export interface FleetMember {
  state(): FleetPodState;
  cut(): void;
  stop(): void;
}

const notLeader = 4001;
/** Of a dial that hangs: a paused operator, a lost packet. */
const dialMs = 3_000;
/** The operator pings every ten seconds; whoever is silent for so long is gone, whatever TCP says. Both as a hub has it. */
const silenceMs = 25_000;
/** Changes that come together are one report. */
const gatherMs = 20;

export function startMember(pod: FleetPod, options: FleetOptions, enter: () => Promise<() => void>): FleetMember {
  const { min, max } = options.retryMs ?? { min: 100, max: 5_000 };
  const random = options.random ?? Math.random;
  let socket: WebSocket | undefined;
  let isStopped = false;
  let failures = 0;
  let dials = 0;
  let timer: NodeJS.Timeout | undefined;
  let reporting: NodeJS.Timeout | undefined;
  let silence: NodeJS.Timeout | undefined;
  let running: Running | undefined;
  let credentials: string | undefined;
  let endpoints: EndpointsMessage['servers'] | undefined;
  let peers = 0;
  let closed: FleetPodState['closed'];

  const say = (message: HubMessage): void => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  const report = (): void => {
    clearTimeout(reporting);
    reporting = setTimeout(report, options.reportMs ?? 10_000);
    if (running !== undefined) say(reportOf(running, endpoints));
  };
  const reportSoon = (): void => {
    clearTimeout(reporting);
    reporting = setTimeout(report, gatherMs);
  };

  const take = (message: OperatorMessage): void => {
    switch (message.type) {
      case 'config': {
        running = runningOf(message.document);
        const { hash, generation } = running;
        say({ type: 'ack', hash, generation, ok: true });
        return reportSoon();
      }
      case 'endpoints':
        endpoints = message.servers;
        return reportSoon();
      case 'credentials':
        credentials = message.hash;
        return;
      case 'peers':
        peers = message.peers.length;
    }
  };

  const later = (address?: string): void => {
    if (isStopped) return;
    const waitMs = address === undefined ? min + random() * (Math.min(max, min * 2 ** failures) - min) : 0;
    timer = setTimeout(() => void dial(address), waitMs);
  };

  const dial = async (leader: string | undefined): Promise<void> => {
    dials += 1;
    const leave = await enter();
    try {
      const token = typeof pod.token === 'string' ? pod.token : await pod.token();
      if (isStopped) return leave();
      open(leader ?? valueOf(options.address), token, leave, leader !== undefined);
    } catch {
      // No token yet: as if the dial had failed.
      leave();
      failures += 1;
      later();
    }
  };

  const open = (address: string, token: string, leave: () => void, isPointed: boolean): void => {
    const how: ClientOptions & { readonly servername: string } = {
      ca: valueOf(options.ca),
      servername: options.servername ?? 'quaymaster-operator-control',
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: dialMs,
      perMessageDeflate: false,
    };
    const opened = new WebSocket(`wss://${address}/v1/control`, how);
    socket = opened;
    const heard = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => opened.terminate(), options.silenceMs ?? silenceMs);
    };
    opened.on('ping', heard);
    opened.on('open', () => {
      leave();
      heard();
      const { name, uid, ip } = pod;
      const runs = running && { running: { hash: running.hash, generation: running.generation } };
      const holds = credentials === undefined ? {} : { credentials };
      say({ type: 'hello', protocol: 1, hub: pod.hub, pod: { name, uid, ip }, version: '0.1.0', ...runs, ...holds });
      report();
    });
    opened.on('message', (data) => {
      failures = 0;
      heard();
      take(JSON.parse((data as Buffer).toString('utf8')) as OperatorMessage);
    });
    // `close` follows, and says what there is to say.
    opened.on('error', () => {});
    opened.on('close', (code, reason) => {
      leave();
      clearTimeout(reporting);
      clearTimeout(silence);
      closed = { code, reason: reason.toString() };
      // Only one step: two standbys that point at each other are no leader.
      if (code === notLeader && closed.reason !== '' && !isPointed) return later(closed.reason);
      failures = Math.min(failures + 1, 16);
      later();
    });
  };

  timer = setTimeout(() => void dial(undefined), 0);
  return {
    state: () => ({
      hub: pod.hub,
      name: pod.name,
      uid: pod.uid,
      connected: socket?.readyState === WebSocket.OPEN,
      servers: running?.servers.length ?? 0,
      ready: running === undefined ? 0 : Object.values(reportOf(running, endpoints).servers).filter(isReady).length,
      peers,
      dials,
      ...(running === undefined ? {} : { running: { hash: running.hash, generation: running.generation } }),
      ...(credentials === undefined ? {} : { credentials }),
      ...(closed === undefined ? {} : { closed }),
    }),
    cut: () => socket?.terminate(),
    stop() {
      isStopped = true;
      clearTimeout(timer);
      clearTimeout(reporting);
      clearTimeout(silence);
      socket?.terminate();
    },
  };
}

function isReady({ observed }: { readonly observed: { readonly phase: string } }): boolean {
  return observed.phase === 'Ready';
}

function valueOf(value: string | (() => string)): string {
  return typeof value === 'string' ? value : value();
}
