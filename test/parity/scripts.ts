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
