/**
 * What a replica and the operator say to each other, over whichever stream is up.
 *
 * The operator's word changes the hub through the same doors as the mounted files. Every document is answered: taken over, or refused with the
 * reason. Reports are complete and go out when something changed; while no stream is up there is nobody to tell, and nothing is kept.
 */
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';

import {
  controlProtocol,
  type EndpointsMessage,
  type HelloMessage,
  type HubDocument,
  type OperatorMessage,
  type PeersMessage,
  type ReportMessage,
  type CredentialsMessage,
} from '@quaymaster/crds';

import type { Clock, Logger } from '../base/index.ts';
import { ControlClient } from './control/index.ts';
import type { ReplicaSettings } from './replica-settings.ts';
import { type ReportSchedule, scheduleReports } from './report-schedule.ts';

export interface OperatorLinkDeps {
  readonly settings: ReplicaSettings;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** PEM of the operator's certificate authority. */
  readonly authority: () => Promise<string>;
  readonly running: () => HubDocument | undefined;
  /** Hash of the streamed credentials in force. */
  readonly credentials: () => string | undefined;
  readonly report: () => ReportMessage;
  /** Undefined: it runs; else why not. */
  onDocument(document: HubDocument): string | undefined;
  onCredentials(message: CredentialsMessage): void;
  onEndpoints(servers: EndpointsMessage['servers']): void;
  onPeers(peers: PeersMessage['peers']): void;
  /** No operator is there. */
  onNobody(): void;
  /** The stream is gone. */
  onDown(): void;
}

const longestRefusal = 4_000;

export class OperatorLink {
  readonly #deps: OperatorLinkDeps;
  readonly #client: ControlClient;
  readonly #reports: ReportSchedule;

  constructor(deps: OperatorLinkDeps) {
    const { settings, clock, log, authority, onDown, onNobody } = deps;
    const { address, tokenFile } = settings.hub.control;
    this.#deps = deps;
    this.#reports = scheduleReports(clock, () => this.#report());
    this.#client = new ControlClient({
      address,
      access: async () => ({ authority: await authority(), token: (await readFile(tokenFile, 'utf8')).trim() }),
      lookup: async (host) => (await lookup(host, { all: true })).map((one) => one.address),
      clock,
      random: Math.random,
      log,
      hello: () => this.#hello(),
      onUp: () => this.#reports.poke(),
      onNobody,
      onDown,
      onMessage: (message) => this.#receive(message),
    });
  }

  get connected(): boolean {
    return this.#client.connected;
  }

  /** Something changed that the operator wants to know. */
  changed(): void {
    this.#reports.poke();
  }

  async close(): Promise<void> {
    this.#reports.close();
    await this.#client.close();
  }

  #hello(): HelloMessage {
    const { settings, version, running, credentials } = this.#deps;
    const document = running();
    const hash = credentials();
    return {
      type: 'hello',
      protocol: controlProtocol,
      hub: settings.hub.hub,
      pod: settings.pod,
      version,
      ...(document === undefined ? {} : { running: { hash: document.hash, generation: document.generation } }),
      ...(hash === undefined ? {} : { credentials: hash }),
    };
  }

  #receive(message: OperatorMessage): void {
    switch (message.type) {
      case 'config':
        return this.#takeOver(message.document);
      case 'credentials':
        return this.#deps.onCredentials(message);
      case 'endpoints':
        return this.#deps.onEndpoints(message.servers);
      case 'peers':
        return this.#deps.onPeers(message.peers);
    }
  }

  #takeOver(document: HubDocument): void {
    const { hash, generation } = document;
    const refusal = this.#deps.onDocument(document);
    if (refusal === undefined) this.#client.send({ type: 'ack', hash, generation, ok: true });
    else this.#client.send({ type: 'ack', hash, generation, ok: false, message: refusal.slice(0, longestRefusal) });
  }

  #report(): void {
    if (this.connected) this.#client.send(this.#deps.report());
  }
}
