/** What the servers of `desk` offer: a bit of everything, small enough for a command line (a word has 4,096 characters). */
import type { EraName, ServerScript } from '../kit/index.ts';

export function stdioScript(era: EraName, name: string): ServerScript {
  const complete = era === 'modern' ? '"resultType":"complete",' : '';
  return {
    era,
    serverInfo: { name, version: '3.2.1' },
    instructions: `Use ${name} with care.`,
    tools: [
      { name: 'echo', description: 'with\nlines and ünïcode', annotations: { readOnlyHint: true, vendorHint: 'x' } },
      { name: 'whoami', does: { whoami: true } },
      { name: 'control', does: { control: true } },
      {
        name: 'rich',
        does: {
          content: [
            { type: 'text', text: 'a', annotations: { priority: 0.5 } },
            { type: 'image', data: 'AAAA', mimeType: 'image/png' },
            { type: 'vendor/block', anything: { goes: 1 } },
          ],
          structuredContent: { rows: [1, 2] },
          resultExtra: { vendorResult: { x: null } },
          resultMeta: { 'vendor/meta': 1 },
        },
      },
      {
        name: 'verbatim',
        does: { rawResult: `{"content":[],${complete}"big":12345678901234567890,"n":1.0,"u":"\\u00fc\\/"}` },
      },
      { name: 'link', does: { resourceLink: `kit://${name}/1` } },
      { name: 'fails', does: { toolError: 'nope' } },
      { name: 'refuses', does: { error: { code: -32011, message: 'nö', data: { vendor: [1] } } } },
      {
        name: 'chatty',
        does: {
          progress: { count: 3, message: 'step' },
          notify: [{ method: 'notifications/vendor/news', params: { n: 1 } }],
        },
      },
      { name: 'slow', does: { latencyMs: 300 } },
      { name: 'hang', does: { hang: true } },
      { name: 'huge', does: { bytes: 700_000 } },
      { name: 'asks', does: { asks: [{ method: 'sampling/createMessage', params: { messages: [], maxTokens: 5 } }] } },
      { name: 'vanish', does: { crash: { with: 'kill' } } },
    ],
    resources: [{ uri: `kit://${name}/1`, name: 'one', mimeType: 'text/plain', text: 'first', extra: { size: 5 } }],
    resourceTemplates: [{ uriTemplate: `kit://${name}/t/{x}`, name: 'templated' }],
    prompts: [{ name: 'greet', description: 'greets', arguments: [{ name: 'who', required: true }] }],
    completions: ['red', 'green', 'grey'],
  };
}

/** Tasks, extensions, questions that cost: what old and new clients and servers know in different forms, or not at all. */
export function cellScript(era: EraName): ServerScript {
  const tasks = era === 'modern' ? {} : { tasks: { cancel: {}, requests: { tools: { call: {} } } } };
  const own = era === 'modern' ? { 'io.modelcontextprotocol/tasks': {} } : {};
  const extensions = { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html'] }, [`vendor/${era}`]: {}, ...own };
  const sample = (maxTokens: number) => ({ method: 'sampling/createMessage', params: { messages: [], maxTokens } });
  const execution = { taskSupport: era === 'modern' ? 'optional' : 'required' };
  return {
    era,
    serverInfo: { name: `cell ${era}`, version: '1' },
    capabilities: { tools: {}, prompts: {}, completions: {}, logging: {}, extensions, ...tasks },
    tools: [
      { name: 'works', extra: { execution }, does: { task: { afterMs: 30, required: true } } },
      { name: 'hangs', extra: { execution }, does: { task: { afterMs: 600_000, required: true } } },
      { name: 'cheap', does: { asks: [sample(4), sample(6)] } },
      { name: 'dear', does: { asks: [sample(6), sample(6)] } },
      { name: 'logs', does: { notify: [{ method: 'notifications/message', params: { level: 'error', data: 'x' } }] } },
      { name: 'whoami', does: { whoami: true } },
    ],
    prompts: [{ name: 'greet', arguments: [{ name: 'who' }] }],
    completions: ['ann', 'anna', 'bob'],
  };
}
