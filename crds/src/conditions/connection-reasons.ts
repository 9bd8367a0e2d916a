/** Reasons from the conversation with a server: reached or not, understood or not, answering or not. Rows are sorted by reason. */
import { server } from './kinds.ts';
import type { ConditionRow } from './types.ts';

export const connectionReasons = {
  CircuitOpen: {
    on: { Degraded: 'True' },
    kinds: server,
    severity: 'warning',
    meaning:
      'Most calls of the server failed or were slow lately, so calls are refused for a while without asking it. A few calls then try whether it is well again.',
    say: () => 'most of its calls failed or were slow lately, so calls are refused for a while',
    next: 'read its log; spec.resilience.circuitBreaker says when this happens',
  },
  ConnectionLost: {
    on: { Ready: 'False', Degraded: 'True' },
    kinds: server,
    severity: 'error',
    meaning: 'The event stream or WebSocket to the server ended. It is opened again by itself.',
    say: () => 'the connection ended',
    next: 'when it keeps ending, look for a proxy on the way that closes silent connections',
  },
  CredentialsRefused: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: server,
    severity: 'error',
    meaning: 'A remote server refuses the credentials of the hub.',
    say: () => 'the server refuses the credentials',
    next: 'correct the Secret behind spec.source.remote.headers',
  },
  HandshakeFailed: {
    on: { Ready: 'False', Degraded: 'True' },
    kinds: server,
    severity: 'error',
    meaning: 'The server runs but does not complete the MCP handshake.',
    say: () => 'the server did not complete the MCP handshake',
    next: 'check that it speaks MCP on the configured transport, and spec.protocol',
  },
  HealthCheckFailed: {
    on: { Ready: 'False', Degraded: 'True' },
    kinds: server,
    severity: 'error',
    meaning: 'The server stopped answering checks. Its tools stay listed; calls fail until it answers again.',
    say: () => 'the server does not answer health checks',
    next: 'read its log; it is checked and restarted by itself',
  },
  HubsDisagree: {
    on: { Degraded: 'True' },
    kinds: server,
    severity: 'warning',
    meaning:
      'Hubs that offer the server see different lists of tools from it, so its replicas are not alike or have not all been replaced yet. The oldest hub that reports decides what status shows.',
    say: () => 'hubs see different lists of tools',
    next: 'if it lasts, look whether all Pods of the server run the same version and state',
  },
  NoEndpoints: {
    on: { Ready: 'False', Reconciling: 'True', Degraded: 'True' },
    kinds: server,
    severity: 'error',
    meaning:
      'No replica of the server is ready: its Pods are being replaced, are starting, or cannot run. Its tools stay listed; calls wait up to 30 s for one.',
    say: () => 'no replica of it is ready',
    next: 'look at the Pods of the server and their events',
  },
  OwnEndpoint: {
    on: { Ready: 'False', Stalled: 'True' },
    kinds: server,
    severity: 'error',
    meaning:
      'The URL of the server is the endpoint of the hub that would call it: its tools would come back as its own, without end. It is not called.',
    say: () => 'the URL is that of the hub itself',
    next: 'take this server out of the files the hub runs',
  },
  SessionLost: {
    on: { Ready: 'False', Degraded: 'True' },
    kinds: server,
    severity: 'error',
    meaning: 'The server forgot the session of its open event stream (HTTP+SSE). A new one is opened by itself.',
    say: () => 'the server forgot the session',
    next: 'when it happens again and again, requests to it are spread over several processes: give the hub the address of one',
  },
  ToolCircuitOpen: {
    on: { Degraded: 'True' },
    kinds: server,
    severity: 'warning',
    meaning:
      'Most calls of some tools failed or were slow lately, so calls of these tools are refused for a while. The others work.',
    say: (d) => `most calls of these tools failed or were slow lately, so they are refused for a while: ${d['tools']}`,
    next: 'read its log; spec.resilience.circuitBreaker says when this happens',
  },
  TransportUnsupported: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: server,
    severity: 'error',
    meaning: 'The server does not speak the transport that its manifest or its URL names.',
    say: () => 'the server speaks another transport',
    next: 'correct spec.transport or the URL; without spec.transport the hub finds out how an http(s) URL answers',
  },
  Unreachable: {
    on: { Ready: 'False', Degraded: 'True' },
    kinds: server,
    severity: 'error',
    meaning: 'The endpoint of the server does not answer.',
    say: () => 'the endpoint does not answer',
    next: 'check the URL and the way to it; it is tried again by itself',
  },
  UnsupportedProtocolVersion: {
    on: { Ready: 'False', Degraded: 'True', Stalled: 'True' },
    kinds: server,
    severity: 'error',
    meaning: 'The server and the hub share no protocol revision, or not the declared era.',
    say: () => 'no common protocol revision',
    next: 'set spec.protocol to auto, or update the server',
  },
} as const satisfies Readonly<Record<string, ConditionRow>>;
