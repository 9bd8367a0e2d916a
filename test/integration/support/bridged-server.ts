/** A server of either era with something of everything, and a hub in front of its bridge. */
import type { EraName, JsonObject, ServerScript } from '../../kit/index.ts';
import type { RunningBridge } from './running-bridge.ts';
import { mcpHub, mcpServer } from './running-hub.ts';

const verbatim = '"big":12345678901234567890,"n":1.0,"e":1E+2,"u":"\\u00fc\\/","deep":{"a":[ [], {} ]}';

export const script = (era: EraName): ServerScript => ({
  era,
  serverInfo: { name: 'wonder', version: '3.2.1' },
  instructions: 'Wünder wisely.',
  tools: [
    { name: 'echo', description: 'ünïcode', extra: { _meta: { 'vendor/key': { a: [1] } }, vendorMember: 7 } },
    { name: 'whoami', does: { whoami: true } },
    { name: 'control', does: { control: true } },
    { name: 'hang', does: { hang: true } },
    { name: 'slow', does: { latencyMs: 1_500 } },
    { name: 'large', does: { bytes: 1_000_000 } },
    {
      name: 'verbatim',
      does: { rawResult: `{"content":[],${era === 'modern' ? '"resultType":"complete",' : ''}${verbatim}}` },
    },
    { name: 'fails', does: { toolError: 'nope' } },
    { name: 'refuses', does: { error: { code: -32011, message: 'nö', data: { vendor: [1, { deep: true }] } } } },
    { name: 'chatty', does: { progress: { count: 3, message: 'step' } } },
    { name: 'broken', does: { malform: 'invalidJson' } },
    { name: 'odd', does: { malform: 'resultAndError' } },
    { name: 'dies', does: { crash: { with: 'kill' } } },
  ],
  resources: [{ uri: 'kit://r/1', name: 'one', mimeType: 'text/plain', text: 'first', extra: { vendorMember: 1 } }],
  resourceTemplates: [{ uriTemplate: 'kit://t/{x}', name: 'templated', vendorMember: 2 }],
  prompts: [{ name: 'greet', arguments: [{ name: 'who', required: true }], extra: { vendorMember: 3 } }],
  completions: ['red', 'green'],
});

export const settingsOfHub = mcpHub({ naming: { strategy: 'none' } });
export const bridged = (bridge: RunningBridge, more: JsonObject = {}) =>
  mcpServer('wonder', {
    source: {
      remote: { url: bridge.url, headers: [{ name: 'Authorization', value: bridge.headers['authorization'] }] },
    },
    instances: { mode: 'shared' },
    ...more,
  });
