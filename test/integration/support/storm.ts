/**
 * The isolation storm (EF-29, HT-0.04): clients of both eras that use the very same JSON-RPC ids, progress tokens, subscription ids and
 * arguments at the same time, half of them cancelling, answering questions and coming back as somebody new, over servers that share one
 * conversation. Whoever mixes two of them up gives somebody another's payload, progress, question or notification.
 */
import { connectLegacy, connectModern, startHttpServer, stdioCommand, until } from '../../kit/index.ts';
import type { Answer, EraName, EventStream, KitClient, RunningServer, ServerScript } from '../../kit/index.ts';
import { insideFlags, type InsideHub, lookInside } from './inside-hub.ts';
import { mcpHub, mcpServer, type RunningHub, startHub } from './running-hub.ts';

export const stormServers = ['legacyhttp', 'legacystdio', 'modernhttp', 'modernstdio'] as const;
type ServerName = (typeof stormServers)[number];

const asks = [
  {
    method: 'elicitation/create',
    params: {
      mode: 'form',
      message: 'Who are you?',
      requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
    },
  },
];
/** Questions on a shared child go one at a time, and calls behind them wait: on a busy machine for longer than a client usually would. */
const timeoutMs = 120_000;
/** Resources that are subscribed to: fewer than clients, so that several subscribe to the same. */
const groups = 5;

const script = (era: EraName, resources = 0): ServerScript => ({
  era,
  tools: [
    { name: 'echo' },
    // Answers leave in another order than calls came.
    { name: 'slow', does: { latencyMs: 3 } },
    { name: 'steps', does: { progress: { count: 2 } } },
    { name: 'hang', does: { hang: true } },
    { name: 'ask', does: { asks } },
  ],
  resources: Array.from({ length: resources }, (_, n) => ({ uri: `mem:${era}/${n}`, name: `${era} ${n}` })),
});

export interface StormWorld extends AsyncDisposable {
  readonly hub: RunningHub;
  readonly inside: InsideHub;
  readonly http: Readonly<Record<EraName, RunningServer>>;
}

export async function startStormWorld(): Promise<StormWorld> {
  const http = {
    modern: await startHttpServer(script('modern', groups)),
    legacy: await startHttpServer(script('legacy', groups)),
  };
  const hub = await startHub(
    [
      // All clients are one process: where it gets no time for 10 s, what it has just connected would be taken for a slow loris.
      mcpHub({ timeouts: { call: '150s', headers: '60s', body: '120s' } }),
      mcpServer('modernhttp', { source: { remote: { url: http.modern.url } } }),
      mcpServer('legacyhttp', { source: { remote: { url: http.legacy.url } } }),
      mcpServer('modernstdio', { source: { command: stdioCommand(script('modern')) } }),
      mcpServer('legacystdio', { source: { command: stdioCommand(script('legacy')) } }),
    ],
    insideFlags,
  );
  const inside = await lookInside(hub);
  await firstQuestions(hub);
  return {
    hub,
    inside,
    http,
    async [Symbol.asyncDispose]() {
      inside[Symbol.dispose]();
      await hub[Symbol.asyncDispose]();
      await http.modern[Symbol.asyncDispose]();
      await http.legacy[Symbol.asyncDispose]();
    },
  };
}

/** A shared stdio server is known to ask only once it has; until then a question among several calls in flight belongs to nobody. */
async function firstQuestions(hub: RunningHub): Promise<void> {
  await using client = await connectLegacy(hub.url, {
    capabilities: { elicitation: { form: {} } },
    onRequest: () => ({ action: 'decline' }),
  });
  for (const server of stormServers) await client.callTool(`${server}_ask`, {});
  await client.endSession();
}

/** What a client does beside calling. Half of them are calm. */
type Habit = 'calm' | 'cancels' | 'answers' | 'returns';

export interface Tally {
  answered: number;
  cancelled: number;
  asked: number;
  reconnected: number;
  updates: number;
  readonly swapped: string[];
  readonly lost: string[];
}

export interface StormSize {
  readonly clients: number;
  /** Of each client, one at each server: four calls. */
  readonly rounds: number;
}

export async function storm(world: StormWorld, { clients: count, rounds }: StormSize): Promise<Tally> {
  const tally: Tally = {
    answered: 0,
    cancelled: 0,
    asked: 0,
    reconnected: 0,
    updates: 0,
    swapped: [],
    lost: [],
  };
  const clients = Array.from({ length: count }, (_, n) => new StormClient(world, n, tally));
  await Promise.all(clients.map((client) => client.connect()));
  await Promise.all(clients.map((client) => client.listen()));
  await Promise.all(
    clients.map(async (client) => {
      for (let round = 0; round < rounds; round++) await client.round(round);
    }),
  );
  // One change of each resource: everybody who listens hears of its own, once.
  for (let group = 0; group < groups; group++) {
    world.http.modern.notify('notifications/resources/updated', { uri: `mem:modern/${group}` });
    world.http.legacy.notify('notifications/resources/updated', { uri: `mem:legacy/${group}` });
  }
  await Promise.all(clients.map((client) => client.hears()));
  await Promise.all(clients.map((client) => client.leave()));
  return tally;
}

class StormClient {
  readonly #world: StormWorld;
  readonly #number: number;
  readonly #era: EraName;
  readonly #habit: Habit;
  readonly #tally: Tally;
  #client: KitClient | undefined;
  #stream: EventStream | undefined;

  constructor(world: StormWorld, number: number, tally: Tally) {
    const habits: readonly Habit[] = ['calm', 'cancels', 'calm', 'answers', 'calm', 'returns'];
    this.#world = world;
    this.#number = number;
    this.#era = number % 2 === 0 ? 'modern' : 'legacy';
    this.#habit = habits[(number >> 1) % habits.length] ?? 'calm';
    this.#tally = tally;
  }

  get #me(): string {
    return `client ${this.#number}`;
  }

  get #uris(): readonly string[] {
    const group = this.#number % groups;
    return [`mem:modern/${group}`, `mem:legacy/${group}`];
  }

  async connect(): Promise<void> {
    const connect = this.#era === 'modern' ? connectModern : connectLegacy;
    this.#client = await connect(this.#world.hub.url, {
      capabilities: this.#habit === 'answers' ? { elicitation: { form: {} } } : {},
      onRequest: () => this.#reply,
    });
  }

  get #reply(): { action: string; content: { name: string } } {
    this.#tally.asked++;
    return { action: 'accept', content: { name: this.#me } };
  }

  /** Calm clients subscribe, all with the same subscription id. */
  async listen(): Promise<void> {
    const client = this.#client;
    if (this.#habit !== 'calm' || client === undefined) return;
    this.#stream = await client.openStream({ resourceSubscriptions: this.#uris });
    if (this.#era === 'modern') return;
    for (const uri of this.#uris) {
      const { error } = await client.request('resources/subscribe', { uri }, { id: `subscribe ${uri.slice(0, 6)}` });
      if (error !== undefined) this.#tally.lost.push(`${this.#me} could not subscribe: ${JSON.stringify(error)}`);
    }
  }

  /** Each client has a call at each server in flight; ids are the same for all at the same time, half of them text that looks like a number. */
  async round(round: number): Promise<void> {
    if (this.#habit === 'returns' && round % 8 === 7) await this.#comeBack();
    await Promise.all(
      stormServers.map((server, k) => {
        const number = 1_000 + round * stormServers.length + k;
        return this.#call(server, round % 2 === 0 ? number : String(number), round);
      }),
    );
  }

  async #call(server: ServerName, id: number | string, round: number): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    try {
      if (this.#habit === 'cancels' && round % 4 === 1) await this.#cancelled(client, server, id);
      else if (this.#habit === 'answers' && round % 4 === 1) await this.#asked(client, server, id);
      else await this.#plain(client, server, id, round);
    } catch (error) {
      this.#tally.lost.push(`${this.#me} ${server} ${id}: ${String(error)}`);
    }
  }

  async #plain(client: KitClient, server: ServerName, id: number | string, round: number): Promise<void> {
    const tool = round % 10 === 3 ? 'steps' : round % 3 === 0 ? 'slow' : 'echo';
    const secret = { secret: `${this.#me} at ${server}, ${round}` };
    const token = tool === 'steps' ? { progressToken: 'same token' } : {};
    const answer = await client.callTool(`${server}_${tool}`, secret, { id, timeoutMs, ...token });
    this.#check(answer, id, JSON.stringify(secret), tool === 'steps' ? [1, 2] : [], `${server}_${tool}`);
  }

  async #cancelled(client: KitClient, server: ServerName, id: number | string): Promise<void> {
    const abort = new AbortController();
    const why = new Error(`the wish of ${this.#me}`);
    setTimeout(() => abort.abort(why), 20 + (this.#number % 30));
    const end = await client
      .callTool(`${server}_hang`, { same: 'for all' }, { id, timeoutMs, signal: abort.signal })
      .then(
        (answer) => answer.raw,
        (error: unknown) => error,
      );
    if (end !== why) this.#tally.swapped.push(`${this.#me} ${server}_hang ended with ${String(end)}`);
    else {
      this.#tally.answered++;
      this.#tally.cancelled++;
    }
  }

  /** Equal arguments, equal questions: only the answer tells who was asked. */
  async #asked(client: KitClient, server: ServerName, id: number | string): Promise<void> {
    const name = `${server}_ask`;
    const args = { same: 'for all' };
    let answer = await client.callTool(name, args, { id, timeoutMs });
    while (answer.result?.['resultType'] === 'input_required') {
      const questions = Object.keys((answer.result['inputRequests'] ?? {}) as object);
      const state = answer.result['requestState'];
      answer = await client.request(
        'tools/call',
        {
          name,
          arguments: args,
          inputResponses: Object.fromEntries(questions.map((key) => [key, this.#reply])),
          ...(state === undefined ? {} : { requestState: state }),
        },
        { id, timeoutMs },
      );
    }
    this.#check(answer, id, JSON.stringify([{ action: 'accept', content: { name: this.#me } }]), [], name);
  }

  #check(answer: Answer, id: number | string, expected: string, steps: readonly number[], what: string): void {
    const tally = this.#tally;
    const content = answer.result?.['content'] as [{ text: string }] | undefined;
    const whose = `${this.#me}, ${what}, ${id}`;
    if (content === undefined) {
      tally.lost.push(`${whose}: ${JSON.stringify(answer.error ?? answer.result)}`);
      return;
    }
    tally.answered++;
    if (content[0].text !== expected) tally.swapped.push(`${whose} got ${content[0].text}`);
    if (answer.id !== id) tally.swapped.push(`${whose} got the id ${String(answer.id)}`);
    const progress = answer.notifications.map((note) => [note.params?.['progressToken'], note.params?.['progress']]);
    if (JSON.stringify(progress) !== JSON.stringify(steps.map((step) => ['same token', step])))
      tally.swapped.push(`${whose} got progress ${JSON.stringify(progress)}`);
    if (answer.late.length > 0) tally.swapped.push(`${whose} got ${answer.late.length} messages after its answer`);
  }

  /** A legacy client ends its session, or leaves it behind without a word; whoever comes is new. */
  async #comeBack(): Promise<void> {
    await this.#end();
    await this.connect();
    this.#tally.reconnected++;
  }

  /** Updates of its resources, each once; of nobody else's none. */
  async hears(): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return;
    const heard = (): readonly string[] =>
      stream.messages
        .filter((one) => one.method === 'notifications/resources/updated')
        .map((one) => String(one.params?.['uri']));
    await until(() => heard().length >= this.#uris.length, {
      because: `${this.#me} heard of its resources`,
      timeoutMs: 20_000,
    }).catch((error: unknown) => this.#tally.lost.push(String(error)));
    this.#tally.updates += heard().length;
    if (heard().toSorted().join(' ') !== this.#uris.toSorted().join(' '))
      this.#tally.swapped.push(`${this.#me} heard of ${heard().join(' ')}`);
  }

  async leave(): Promise<void> {
    const strays = this.#client?.unasked.filter((one) => one.method !== 'notifications/resources/updated') ?? [];
    if (strays.length > 0) this.#tally.swapped.push(`${this.#me} got unasked ${JSON.stringify(strays.slice(0, 3))}`);
    this.#stream?.close();
    await this.#end();
  }

  async #end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    if (client.era === 'legacy') await client.endSession();
    await client.close();
  }
}

/** What must be as it was: every size the hub tells of itself, and what its event loop holds. */
export interface Footprint {
  readonly gauges: Readonly<Record<string, number>>;
  readonly upstreamSessions: number;
  readonly resources: Readonly<Record<string, number>>;
}

const sizes = [
  'quaymaster_answers_passing',
  'quaymaster_answers_unread',
  'quaymaster_calls_in_flight',
  'quaymaster_calls_parked',
  'quaymaster_calls_queued',
  'quaymaster_calls_waiting',
  'quaymaster_clients_active',
  'quaymaster_graphs_live',
  'quaymaster_queued_bytes',
  'quaymaster_sessions',
  'quaymaster_streams',
  'quaymaster_tombstones',
  'quaymaster_unread_bytes',
] as const;

export async function footprint({ inside, http }: StormWorld): Promise<Footprint> {
  const metrics = await inside.metrics();
  const { TCPSocketWrap: sockets = 0, Timeout: timers = 0, ProcessWrap, PipeWrap, ...rest } = await inside.resources();
  const [processes, pipes] = [ProcessWrap ?? 0, PipeWrap ?? 0];
  return {
    gauges: Object.fromEntries(sizes.map((name) => [name, metrics.get(name) ?? 0])),
    upstreamSessions: http.legacy.sessions.length,
    resources: {
      ...rest,
      sockets,
      timers,
      // Two servers, and processes of callers who can be asked: kept for the next of them, at most `instances.max` (4).
      processesTooMany: Math.max(0, processes - 6),
      processesUncounted: processes - (metrics.get('quaymaster_child_processes') ?? 0),
      pipesOfNoProcess: pipes - 3 * processes,
    },
  };
}
