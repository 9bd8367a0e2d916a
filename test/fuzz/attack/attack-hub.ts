/**
 * A real hub, real servers behind it, some of them hostile, and bytes of every kind at its door, all at once, while a client of each era goes on
 * calling and must notice nothing.
 *
 * What has to hold: the hub lives; every answer keeps the rules; every call of the honest clients is answered rightly; and when all are gone, so are
 * connections and memory. Finds are the bytes that broke a rule.
 */
import { readdirSync, readFileSync } from 'node:fs';

import { connectLegacy, connectModern, type KitClient, startHttpServer, stdioCommand, until } from '../../kit/index.ts';
import { mcpHub, mcpServer, type RunningHub, startHub } from '../../integration/support/running-hub.ts';
import { createDice } from '../engine/random.ts';
import { Broken, hold, kindOf } from '../engine/target.ts';
import { startHostileServer } from './hostile-server.ts';
import { startHostileSocket } from './hostile-socket.ts';
import { exchange, readAnswer } from './raw-exchange.ts';
import { hostileRequest, modern, seedRequests, toBytes } from './requests.ts';
import { judgeAnswer, judgeCall } from './rules.ts';

export interface AttackFind {
  /** Bytes that did it, or what was sent last. */
  readonly input: string;
  readonly error: Error;
}

export interface AttackReport {
  readonly requests: number;
  readonly hostileAnswers: number;
  readonly honestCalls: number;
  readonly finds: readonly AttackFind[];
}

const attackers = 12;
const hostileTools = ['newer_break', 'older_break', 'socket_break', 'pipe_break'];
const hostileCallers = 12;
/** No answer within it to bytes that are no request is fine: the hub waits for the rest of them. */
const patienceMs = 250;
/** A call of a hostile server ends with the hub's own deadline at the latest. */
const callMs = 1_000;
const callPatienceMs = 20_000;
const mostBytes = 450 * 1024 * 1024;

export async function attackHub(seconds: number, seed: number): Promise<AttackReport> {
  await using good = await startHttpServer({ tools: [{ name: 'echo' }] });
  await using newer = await startHostileServer('modern', seed);
  await using older = await startHostileServer('legacy', seed + 1);
  await using socket = await startHostileSocket(seed + 2);
  // A circuit that opens would spare the hub most of what they send.
  const hostile = {
    timeouts: { call: `${callMs}ms`, callMax: `${callMs}ms` },
    resilience: { circuitBreaker: { enabled: false } },
  };
  await using hub = await startHub([
    mcpHub({ limits: { sessions: 200, payload: '64Ki' }, transports: { sse: true, websocket: true } }),
    mcpServer('good', { source: { remote: { url: good.url } } }),
    mcpServer('child', { source: { command: stdioCommand({ tools: [{ name: 'echo' }] }) } }),
    mcpServer('newer', { source: { remote: { url: newer.url } }, ...hostile }),
    mcpServer('older', { source: { remote: { url: older.url } }, ...hostile }),
    mcpServer('socket', { source: { remote: { url: socket.url } }, ...hostile }),
    mcpServer('pipe', { source: { command: hostileChild(seed) }, ...hostile }),
  ]);
  const attack = new Attack(hub, seed);
  await attack.run(seconds);
  return {
    requests: attack.requests,
    hostileAnswers: newer.answered + older.answered + socket.answered,
    honestCalls: attack.honestCalls,
    finds: attack.finds,
  };
}

function hostileChild(seed: number): { command: string; args: string[] } {
  const file = new URL('hostile-child.ts', import.meta.url).pathname;
  return { command: process.execPath, args: ['--conditions=quaymaster-source', file, String(seed)] };
}

class Attack {
  requests = 0;
  honestCalls = 0;
  readonly finds: AttackFind[] = [];
  readonly #hub: RunningHub;
  readonly #port: number;
  readonly #seed: number;
  readonly #kinds = new Set<string>();
  /** Newest last: when the hub dies, it was one of these. */
  readonly #recent: string[] = [];
  #over = false;

  constructor(hub: RunningHub, seed: number) {
    this.#hub = hub;
    this.#port = Number(new URL(hub.url).port);
    this.#seed = seed;
  }

  async run(seconds: number): Promise<void> {
    await using newClient = await connectModern(this.#hub.url);
    await using oldClient = await connectLegacy(this.#hub.url);
    await using victim = await connectLegacy(this.#hub.url, { version: '2025-03-26' });
    const names = ['good_echo', 'child_echo', ...hostileTools];
    const allListed = async (): Promise<boolean> => {
      const list = JSON.stringify(await newClient.listAll('tools/list'));
      return names.every((name) => list.includes(`"${name}"`));
    };
    await until(allListed, { because: 'all servers are listed', timeoutMs: 60_000, everyMs: 100 });
    await this.#isReached(sessionOf(victim));
    const before = openFiles(this.#hub.program.pid);
    const end = setTimeout(() => (this.#over = true), seconds * 1_000);
    try {
      await Promise.all([
        ...Array.from({ length: attackers }, (_, number) => this.#throwRequests(number, sessionOf(victim))),
        ...Array.from({ length: hostileCallers }, (_, number) =>
          this.#callHostile(hostileTools[number % hostileTools.length] ?? '', number),
        ),
        this.#callHonestly(newClient),
        this.#callHonestly(oldClient),
      ]);
      if (this.#hub.program.exit === undefined) await this.#hasCalmedDown(before);
    } finally {
      clearTimeout(end);
    }
  }

  /** Unchanged, the requests are good ones: an attack that only meets the first check proves nothing. */
  async #isReached(session: string): Promise<void> {
    const answers = seedRequests(session).map(async (parts) => {
      const { text } = await exchange(this.#port, toBytes(parts, this.#port), 2_000);
      judgeAnswer({ text, closed: false });
      return readAnswer(text)?.status ?? 0;
    });
    const statuses = await Promise.all(answers);
    for (const status of [101, 200, 404])
      hold(statuses.includes(status), `some request is answered ${status}: ${statuses.join(' ')}`);
    hold(statuses.filter((status) => status === 200).length >= 8, `most requests are served: ${statuses.join(' ')}`);
  }

  get #isOn(): boolean {
    return !this.#over && this.#hub.program.exit === undefined;
  }

  async #throwRequests(number: number, session: string): Promise<void> {
    const dice = createDice(this.#seed * 31 + number);
    const seeds = seedRequests(session);
    while (this.#isOn) {
      const bytes = hostileRequest(seeds, this.#port, dice);
      this.requests++;
      this.#remember(bytes);
      const error = await this.#broken(bytes);
      if (error === undefined || !this.#isNew(error)) continue;
      this.finds.push({ input: await this.#smaller(bytes, kindOf(error)), error });
    }
    if (this.#hub.program.exit !== undefined)
      this.#report(new Broken('the hub lives'), this.#recent.join('\n\n====\n\n'));
  }

  async #broken(bytes: string): Promise<Error | undefined> {
    try {
      judgeAnswer(await exchange(this.#port, bytes, patienceMs));
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  /** By halves, as long as it does the same; the engine's own way is too many requests. */
  async #smaller(bytes: string, kind: string): Promise<string> {
    let best = bytes;
    for (let part = best.length >> 1; part >= 8; part >>= 1)
      for (let at = 0; at < best.length;) {
        const without = best.slice(0, at) + best.slice(at + part);
        const error = await this.#broken(without);
        if (error !== undefined && kindOf(error) === kind) best = without;
        else at += part;
      }
    return best;
  }

  async #callHostile(tool: string, number: number): Promise<void> {
    const call = toBytes(modern('tools/call', { name: tool, arguments: { n: number } }, tool), this.#port);
    while (this.#isOn) {
      const answer = await exchange(this.#port, call, callPatienceMs);
      if (!this.#isOn) return;
      try {
        judgeCall(answer, 7);
      } catch (error) {
        this.#report(error as Error, `${tool}\n${answer.text}`);
      }
    }
  }

  async #callHonestly(client: KitClient): Promise<void> {
    let turn = 0;
    while (this.#isOn) {
      const text = `call ${++turn}`;
      const name = turn % 2 === 0 ? 'good_echo' : 'child_echo';
      try {
        const answer = await client.callTool(name, { text }, { timeoutMs: callPatienceMs });
        hold(answer.error === undefined, `an honest call is served: ${JSON.stringify(answer.error)}`);
        hold(JSON.stringify(answer.result).includes(text), 'an honest call gets its own answer');
      } catch (error) {
        if (this.#isOn) this.#report(error as Error, name);
      }
      this.honestCalls++;
    }
  }

  /** Everything hostile has gone: connections are closed, memory is not kept, and nothing in the log says that something broke. */
  async #hasCalmedDown(before: number): Promise<void> {
    const { program } = this.#hub;
    const calm = async (): Promise<{ ok: boolean; files: number; bytes: number; before: number }> => {
      const files = openFiles(program.pid);
      const bytes = residentBytes(program.pid);
      return Promise.resolve({ ok: files <= before + 40 && bytes < mostBytes, files, bytes, before });
    };
    await until(calm, { because: 'connections and memory come back', timeoutMs: 60_000, everyMs: 200 }).catch(
      (error: unknown) => this.#report(error as Error, ''),
    );
    const broken = `${program.stdout}\n${program.stderr}`
      .split('\n')
      .find((line) => /a request failed|internal error|uncaught/i.test(line));
    if (broken !== undefined)
      this.#report(
        new Broken(`nothing breaks inside the hub: ${broken.slice(0, 400)}`),
        this.#recent.join('\n\n====\n\n'),
      );
  }

  #remember(bytes: string): void {
    this.#recent.push(bytes);
    if (this.#recent.length > 64) this.#recent.shift();
  }

  #isNew(error: Error): boolean {
    const kind = kindOf(error);
    const isNew = !this.#kinds.has(kind);
    this.#kinds.add(kind);
    return isNew;
  }

  #report(error: Error, input: string): void {
    if (this.#isNew(error)) this.finds.push({ input, error });
  }
}

function sessionOf(client: KitClient): string {
  return client.sessionId ?? '';
}

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
}
