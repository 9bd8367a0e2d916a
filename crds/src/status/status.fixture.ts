/** Some servers and hubs, one of each refused, as they come from the compiler: what the tests of status start from. */
import type { Compiled, HubOutcome, ServerOutcome } from '../compile/index.ts';
import { compile } from '../compile/index.ts';
import type { Condition } from '../conditions/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { loadValidator, type Validator } from '../validate/index.ts';

const apiVersion = 'quaymaster.dev/v1alpha1';

export const server = (name: string, spec: Record<string, unknown> = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpServer',
  metadata: { name, generation: 7 },
  spec: { source: { npm: { package: 'x', version: '1.0.0' } }, ...spec },
});
export const hub = (name: string, spec: Record<string, unknown> = {}): ManifestObject => ({
  apiVersion,
  kind: 'McpHub',
  metadata: { name, generation: 3 },
  spec: { servers: { selector: {} }, auth: { mode: 'none' }, ...spec },
});

export interface Outcomes {
  readonly compiled: Compiled;
  readonly validate: Validator;
  server(name: string): ServerOutcome;
  hub(name: string): HubOutcome;
}

export async function compiledOutcomes(): Promise<Outcomes> {
  const validate = await loadValidator();
  const compiled = compile(
    [
      server('plain'),
      server('needed', { lifecycle: { required: true } }),
      server('lazy', { lifecycle: { start: 'lazy' } }),
      server('broken', { x: 1 }),
      server('apart'),
      hub('h', { servers: { selector: {}, exclude: ['apart'] } }),
      hub('bad', { auth: {} }),
    ],
    { validate },
  );
  return {
    compiled,
    validate,
    server: (name) => compiled.servers.find((one) => one.name === name) as ServerOutcome,
    hub: (name) => compiled.hubOutcomes.find((one) => one.name === name) as HubOutcome,
  };
}

/** By type: status and reason. */
export const short = (conditions: readonly Condition[] | undefined) =>
  Object.fromEntries((conditions ?? []).map((one) => [one.type, `${one.status}/${one.reason}`]));
