/**
 * Names and URIs of servers that say anything: two servers, each entry on a line. What is offered leads back to where it came from, and nowhere
 * else. Input: lines `1t name`, `2r uri`, `1m template`, `? uri`.
 */
import { buildCatalog } from '../../../hub-runtime/src/catalog/index.ts';
import { hubConfig, listing, serverConfig, testSealer } from '../../../hub-runtime/src/fixtures/index.ts';
import { hold, type Target } from '../engine/target.ts';
import { encoded, own, parsed } from './reference.ts';

const servers = [serverConfig('one'), serverConfig('two')];
const config = hubConfig(servers);
const sealer = testSealer();
const deps = {
  sealCursor: (payload: unknown) => sealer.seal('cursor', payload),
  openCursor: (token: string) => sealer.open('cursor', token),
};

export const names: Target = {
  name: 'names',
  mostBytes: 600,
  seeds: [
    '1t read\n2t read\n1t b_c\n2t a.b/c d\n1r file:///a\n2r file:///a\n? file:///a',
    '1m file:///{path}\n2m file:///x{?q}\n? file:///x?q=1',
    '1r qm://two/file:///a\n2r file:///a\n? qm://two/file:///a\n1r ui://qm.two/x\n2r ui://x\n? ui://qm.two/x',
    '1t \xc3\xa9\n1t __proto__\n2t constructor\n1t hasOwnProperty\n1r __proto__\n? __proto__',
    '1m {+a}{+b}{+c}{+d}\n1m {/x,y}{;z}{#f}{&k}{.d}\n? aaaaaaaaaaaaaaaaaaaa/a;b#c&d.e',
  ],
  dictionary: [
    '\n1t ',
    '\n2t ',
    '\n1r ',
    '\n2r ',
    '\n1m ',
    '\n2m ',
    '\n? ',
    'qm://one/',
    'qm://two/',
    'ui://qm.one/',
    'ui://',
    '{+x}',
    '{?y}',
    '{/z}',
    '{',
    '}',
    '__proto__',
    'toString',
    '\xc3\xa9',
    '_',
    'one_',
    'file:///',
  ],
  run(input) {
    const rows = input.split('\n').map((line) => [line.slice(0, 2), line.slice(3)] as const);
    const of = (kind: string): string[] => rows.filter(([row]) => row === kind).map(([, text]) => text);
    const offer = (server: string) =>
      listing({
        tools: of(`${server}t`).map((name) => ({ name: text(name), inputSchema: { type: 'object' } })),
        resources: of(`${server}r`).map((uri) => ({ uri: text(uri), name: 'n' })),
        resourceTemplates: of(`${server}m`).map((uriTemplate) => ({ uriTemplate: text(uriTemplate), name: 'n' })),
      });
    const catalog = buildCatalog(
      config,
      new Map([
        ['default/one', offer('1')],
        ['default/two', offer('2')],
      ]),
      deps,
    );
    const raw = catalog.page('tools', undefined, 'modern');
    const listed = own(parsed(raw ?? '')?.value, 'tools') as readonly unknown[] | undefined;
    hold(Array.isArray(listed), 'a list is a list');
    const shown = listed.map((one) => String(own(one, 'name')));
    hold(new Set(shown).size === shown.length, 'no name is offered twice');
    for (const name of shown) {
      hold(/^[A-Za-z0-9_.-]{1,64}$/.test(name), 'names are what every client takes');
      const route = catalog.tool(name);
      hold(route !== undefined, 'what is offered can be called');
      const server = route.serverKey === 'default/one' ? '1' : '2';
      hold(
        of(`${server}t`).some((one) => encoded(text(one)) === route.original),
        'and leads to what its server calls so',
      );
    }
    for (const server of ['1', '2'])
      for (const one of of(`${server}r`)) {
        const key = server === '1' ? 'default/one' : 'default/two';
        const uri = encoded(text(one));
        const back = catalog.resource(catalog.exposedUri(key, uri));
        if (uri !== '')
          hold(back?.serverKey === key && back.original === uri, 'a URI that is handed out comes back to its server');
      }
    for (const uri of of('? ')) {
      const route = catalog.resource(uri);
      if (route !== undefined)
        hold(route.serverKey === 'default/one' || route.serverKey === 'default/two', 'a route leads to a server');
    }
    for (const uri of rows.filter(([row]) => row.startsWith('?')).map(([, one]) => one)) catalog.template(uri);
  },
};

/** Inputs are bytes; what servers list is text. */
function text(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
