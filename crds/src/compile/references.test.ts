import { describe, expect, test } from 'vitest';

import type { ManifestObject } from '../manifest/index.ts';
import { hub, message, npm, offered, reasons, secret, server, useCompiler } from './compile.fixture.ts';
import type { CompileOptions } from './index.ts';

const run = useCompiler();

describe('references', () => {
  const ref = (member: string, key: string, optional = false) => ({
    env: [{ name: 'X', valueFrom: { [member]: { name: 'o', key, optional } } }],
  });
  const config: ManifestObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'o' }, data: { k: 'v' } };

  test.each([
    ['SecretNotFound', server('a', ref('secretKeyRef', 'k')), []],
    ['SecretKeyNotFound', server('a', ref('secretKeyRef', 'missing')), [secret('o', ['k'])]],
    ['ConfigMapNotFound', server('a', ref('configMapKeyRef', 'k')), [secret('o', ['k'])]],
    ['ConfigMapKeyNotFound', server('a', ref('configMapKeyRef', 'missing')), [config]],
    ['SecretNotFound', server('a', { envFrom: [{ secretRef: { name: 'o' } }] }), []],
    ['ConfigMapNotFound', server('a', { envFrom: [{ configMapRef: { name: 'o' } }] }), []],
    ['SecretNotFound', server('a', ref('secretKeyRef', 'k')), [secret('o', ['k'], { namespace: 'other' })]],
    [
      'SecretNotFound',
      server('a', {
        source: {
          remote: {
            url: 'https://a.example',
            headers: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'o', key: 'k' } } }],
          },
        },
      }),
      [],
    ],
  ])('%s leaves the server out', (reason, object, others) => {
    const compiled = run([object, ...others, hub('h')]);
    expect(offered(compiled, 'h')).toEqual([]);
    expect(reasons(compiled, 'a')).toEqual([
      'Accepted=True/Accepted',
      `ResolvedRefs=False/${reason}`,
      'Programmed=False/NotProgrammed',
    ]);
    expect(message(compiled, 'a', 'ResolvedRefs')).toMatch(/spec\.(env|source)/);
  });

  test('optional references and existing ones resolve', () => {
    expect(offered(run([server('a', ref('secretKeyRef', 'k', true)), hub('h')]), 'h')).toEqual(['a']);
    expect(offered(run([server('a', ref('configMapKeyRef', 'k')), config, hub('h')]), 'h')).toEqual(['a']);
  });

  test('the driver may know further objects', () => {
    const lookup: CompileOptions['lookup'] = (kind, namespace, name) =>
      kind === 'Secret' && namespace === 'default' && name === 'o' ? ['k'] : undefined;
    expect(offered(run([server('a', ref('secretKeyRef', 'k')), hub('h')], { lookup }), 'h')).toEqual(['a']);
    expect(
      offered(run([server('a', ref('secretKeyRef', 'other')), secret('o', ['other']), hub('h')], { lookup }), 'h'),
    ).toEqual(['a']);
  });

  test('all that is missing is in one message', () => {
    const compiled = run([server('a', { envFrom: [{ secretRef: { name: 's' } }, { configMapRef: { name: 'c' } }] })]);
    expect(message(compiled, 'a', 'ResolvedRefs')).toContain(
      'Secret "s" does not exist in namespace default (spec.envFrom[0]) | ConfigMap "c"',
    );
  });

  test.each([
    [
      { source: { npm: { ...npm.npm, args: ['$(roots.dta)'] } } },
      '$(roots.dta) in spec.source.npm.args[0] names no entry of spec.roots; did you mean data?',
    ],
    [
      { env: [{ name: 'D', value: 'x:$(roots.other)' }] },
      '$(roots.other) in spec.env[0].value names no entry of spec.roots',
    ],
  ])('UnknownRoot in %j', (spec, expected) => {
    const compiled = run([server('a', { roots: [{ name: 'data', emptyDir: {} }], ...spec }), hub('h')]);
    expect(reasons(compiled, 'a')?.[0]).toBe('Accepted=False/UnknownRoot');
    expect(message(compiled, 'a', 'Accepted')).toBe(expected);
  });

  test('declared roots and the literal $$(roots.x) pass', () => {
    const spec = {
      roots: [{ name: 'data', emptyDir: {} }],
      source: { command: { command: 'x', args: ['$(roots.data)/sub', '$$(roots.nope)'] } },
    };
    expect(offered(run([server('a', spec), hub('h')]), 'h')).toEqual(['a']);
  });
});
