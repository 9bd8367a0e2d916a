/** A hub whose four servers ask their clients: both eras, over HTTP and stdio; and users who answer. */
import type { Answer, ClientOptions, EraName, KitClient, ServerScript } from '../../kit/index.ts';
import { type FourServers, startFourServers } from './four-servers.ts';

export const form = {
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message: 'Name? grüße',
    requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
  },
};
export const sampling = {
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }], maxTokens: 5 },
};
export const roots = { method: 'roots/list' };
const url = {
  method: 'elicitation/create',
  params: { mode: 'url', message: 'Go', url: 'https://example.com/a?b="c"' },
};

export const script = (era: EraName): ServerScript => ({
  era,
  tools: [
    { name: 'echo' },
    { name: 'asks_form', does: { asks: [form] } },
    { name: 'asks_all', does: { asks: [form, sampling, roots] } },
    { name: 'asks_url', does: { asks: [url] } },
    { name: 'whoami', does: { whoami: true } },
    { name: 'asks_then_works', does: { asks: [form], afterAsksMs: 5_000 } },
    ...(era === 'legacy'
      ? [
          {
            name: 'wants_url',
            does: {
              error: {
                code: -32042,
                message: 'visit first',
                data: {
                  elicitations: [
                    { mode: 'url', elicitationId: 'e2', url: 'https://example.com/x', message: 'Sign in' },
                  ],
                },
              },
            },
          },
        ]
      : []),
  ],
});

export const everything = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };
export const replies: Record<string, Record<string, unknown>> = {
  'elicitation/create': { action: 'accept', content: { name: 'Ann', extra: 'ü' } },
  'sampling/createMessage': { role: 'assistant', model: 'm', content: { type: 'text', text: 'hello' } },
  'roots/list': { roots: [{ uri: 'file:///a', name: 'a' }] },
};
export const servers = ['legacyhttp', 'legacystdio', 'modernhttp', 'modernstdio'] as const;

export interface AskingHub extends FourServers {
  /** A client with a user behind it. */
  user(era: EraName, options?: ClientOptions): Promise<Asked>;
}

export async function startAskingHub(): Promise<AskingHub> {
  const hub = { timeouts: { question: '5s' }, limits: { parkedCalls: 3 } };
  const four = await startFourServers(script, { hub, tools: 26 });
  return { ...four, user: (era, options = {}) => userOf(four, era, options) };
}

export interface Asked {
  readonly client: KitClient;
  /** Questions as they reached the user, in order. */
  readonly heard: { method: string; params: Record<string, unknown> }[];
}

async function userOf({ connect }: FourServers, era: EraName, options: ClientOptions): Promise<Asked> {
  const heard: Asked['heard'] = [];
  const client = await connect(era, {
    capabilities: everything,
    onRequest: (method, params) => {
      heard.push({ method, params });
      return replies[method] ?? {};
    },
    ...options,
  });
  return { client, heard };
}

export type Requests = Record<string, { method: string; params: Record<string, unknown> }>;

/** Calls a tool; where the answer of a modern hub is a round of questions, its user answers and comes back. */
export async function call(
  { client, heard }: Asked,
  name: string,
  args: Record<string, unknown> = {},
): Promise<Answer> {
  let answer = await client.callTool(name, args);
  for (let round = 0; answer.result?.['resultType'] === 'input_required' && round < 5; round += 1) {
    const inputRequests = (answer.result['inputRequests'] ?? {}) as Requests;
    const inputResponses: Record<string, unknown> = {};
    for (const [key, one] of Object.entries(inputRequests)) {
      heard.push(one);
      inputResponses[key] = replies[one.method];
    }
    const requestState = answer.result['requestState'];
    answer = await client.request('tools/call', {
      name,
      arguments: args,
      inputResponses,
      ...(requestState === undefined ? {} : { requestState }),
    });
  }
  return answer;
}
