/**
 * From a new connection to a stream of a hub, or to its end with the code that says why.
 *
 * In this order: does this replica lead (a standby sends on at once, before any token is looked at); is the token good and that of a Pod
 * (nothing is read from the connection until then); a hello in time; is it that Pod's; may the Pod be of this hub; is there room.
 */
import { isIP } from 'node:net';

import { controlClose, controlProtocol, type HelloMessage, readHubMessage } from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';
import type { RawData, WebSocket } from 'ws';

import type { Authorization, PodIdentity } from './control-types.ts';
import type { ControlLimits } from './limits.ts';
import type { Caller } from './listener.ts';
import type { Rejection, Rejections } from './rejections.ts';
import type { TokenReviewer } from './token-reviewer.ts';

export interface Admission {
  /** Connections between their handshake and their hello. */
  readonly unproven: number;
  admit(socket: WebSocket, from: Caller): void;
}

export interface AdmissionDeps {
  readonly clock: Clock;
  readonly limits: ControlLimits;
  readonly reviewer: TokenReviewer;
  readonly rejections: Rejections;
  readonly isLeader: () => boolean;
  readonly leaderAddress: () => string | undefined;
  readonly authorize: (hub: string, pod: PodIdentity) => Authorization;
  readonly hasRoom: (hub: string, podUid: string) => boolean;
  readonly onUnproven: (count: number) => void;
  /** Takes the stream over; gives the function that gets what comes. */
  readonly onAdmitted: (
    socket: WebSocket,
    pod: PodIdentity,
    hello: HelloMessage,
    address: string | undefined,
  ) => (data: Buffer, isBinary: boolean) => void;
}

interface Refusal {
  readonly why: Rejection;
  readonly code: number;
  readonly text: string;
}

export function createAdmission(deps: AdmissionDeps): Admission {
  const { clock, limits, rejections } = deps;
  const unproven = new Set<WebSocket>();

  const settle = (socket: WebSocket): void => {
    if (unproven.delete(socket)) deps.onUnproven(unproven.size);
  };

  const admit = (socket: WebSocket, { address, token }: Caller): void => {
    // Its place is free when its closing handshake is over, so that a flood cannot grow.
    unproven.add(socket);
    deps.onUnproven(unproven.size);
    let cancelHello = (): void => {};
    let receive: ((data: Buffer, isBinary: boolean) => void) | undefined;
    socket.on('close', () => {
      cancelHello();
      settle(socket);
    });
    // The library closes with the code that fits (1009: too large, 1007: not UTF-8).
    socket.on('error', (error: Error & { readonly code?: string }) => {
      const isTooLarge = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
      if (error.code?.startsWith('WS_ERR_') === true)
        rejections.reject(isTooLarge ? 'tooLarge' : 'malformed', { address });
    });

    const refuse = ({ why, code, text }: Refusal, pod?: PodIdentity): void => {
      receive = () => {};
      cancelHello();
      rejections.reject(why, { address, namespace: pod?.namespace, pod: pod?.name });
      if (socket.isPaused) socket.resume();
      socket.close(code, text);
    };

    if (!deps.isLeader())
      return refuse({ why: 'notLeader', code: controlClose.notLeader, text: deps.leaderAddress() ?? '' });
    if (token === undefined)
      return refuse({ why: 'noToken', code: controlClose.unauthorized, text: 'no bearer token' });

    const proven = (pod: PodIdentity): void => {
      if (socket.readyState !== socket.OPEN) return;
      cancelHello = clock.after(limits.helloMs, () =>
        refuse({ why: 'noHello', code: controlClose.protocolError, text: 'no hello in time' }, pod),
      );
      receive = (data, isBinary) => {
        const hello = isBinary ? malformed('messages are text') : readHello(data);
        const refusal = 'why' in hello ? hello : check(hello, pod, deps);
        if ('why' in hello || refusal !== undefined) return refuse(refusal ?? malformed(''), pod);
        cancelHello();
        settle(socket);
        receive = deps.onAdmitted(socket, pod, hello, address);
      };
      socket.resume();
    };
    socket.on('message', (data: RawData, isBinary) => receive?.(data as Buffer, isBinary));
    socket.pause();
    deps.reviewer.review(token).then(
      (verdict) => {
        if (verdict.kind === 'accepted') return proven(verdict.pod);
        return refuse({ why: verdict.reason, code: controlClose.unauthorized, text: refusals[verdict.reason] });
      },
      () =>
        refuse({ why: 'reviewFailed', code: controlClose.tryAgainLater, text: 'the token could not be checked now' }),
    );
  };

  return {
    get unproven() {
      return unproven.size;
    },
    admit,
  };
}

const refusals = {
  token: 'the token is not valid',
  audience: 'the token is not for this audience',
  notAPod: 'the token is not bound to a Pod',
} as const;

function malformed(text: string): Refusal {
  return { why: 'malformed', code: controlClose.protocolError, text };
}

function readHello(data: Buffer): HelloMessage | Refusal {
  const read = readHubMessage(data.toString('utf8'));
  if (read.kind === 'malformed') return malformed(read.reason);
  if (read.kind === 'ignored' || read.message.type !== 'hello') return malformed('hello comes first');
  return read.message;
}

/** The first thing wrong with a hello; undefined when nothing is. */
function check(hello: HelloMessage, pod: PodIdentity, deps: AdmissionDeps): Refusal | undefined {
  if (hello.protocol !== controlProtocol)
    return { why: 'unsupported', code: controlClose.unsupported, text: `this operator speaks ${controlProtocol}` };
  const [namespace, name, ...rest] = hello.hub.split('/');
  if (!namespace || !name || rest.length > 0) return malformed('hub is <namespace>/<name>');
  if (isIP(hello.pod.ip) === 0) return malformed('pod.ip is no address');
  if (hello.pod.name !== pod.name || hello.pod.uid !== pod.uid || namespace !== pod.namespace)
    return { why: 'wrongPod', code: controlClose.unauthorized, text: 'the token is that of another Pod' };
  const refusal = notAuthorized(deps.authorize(hello.hub, pod));
  if (refusal !== undefined) return refusal;
  if (!deps.hasRoom(hello.hub, pod.uid))
    return { why: 'tooManyOfHub', code: controlClose.tryAgainLater, text: 'too many streams of this hub' };
  return undefined;
}

export function notAuthorized(answer: Authorization): Refusal | undefined {
  if (answer === true) return undefined;
  return answer === 'unknownHub'
    ? { why: 'unknownHub', code: controlClose.unknownHub, text: 'no such hub' }
    : { why: 'notAllowed', code: controlClose.unauthorized, text: 'not a Pod of this hub' };
}
