/** Arguments mirrored as `Mcp-Param-*`. Input: `{"schema":…, "arguments":…, "headers":{…}}`. */
import {
  memberRaw,
  paramHeaderFault,
  paramHeadersOf,
  paramHeaderValues,
  type RawJson,
  scanObject,
} from '../../../hub-runtime/src/wire/index.ts';
import { hold, type Target } from '../engine/target.ts';
import { encoded, entriesApart, headerText, isObject, own, parsed, parsedApart, wellFormed } from './reference.ts';

const schema =
  '"schema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"N"},"o":{"type":"object","properties":{"b":{"type":"boolean","x-mcp-header":"B"}}}}}';

export const mirrored: Target = {
  name: 'arguments',
  seeds: [
    `{${schema},"arguments":{"region":"r","n":5,"o":{"b":true}},"headers":{"mcp-param-region":"r","mcp-param-n":"5.0","mcp-param-b":"true"}}`,
    `{${schema},"arguments":{"region":"r","region":"s"},"headers":{"mcp-param-region":"s"}}`,
    `{${schema},"arguments":{"region":"\xc3\xa9","n":null,"o":7},"headers":{"mcp-param-region":"=?base64?w6k=?="}}`,
    '{"schema":{"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]},"arguments":{},"headers":{}}',
    '{"schema":{"properties":{"__proto__":{"type":"string","x-mcp-header":"__proto__"}}},"arguments":{"__proto__":"x"},"headers":{"mcp-param-__proto__":"x"}}',
  ],
  dictionary: [
    schema,
    '"x-mcp-header":"Q"',
    '"type":"string",',
    '"type":"integer",',
    '"properties":{"p":',
    '"items":{',
    '"$defs":{"d":{',
    '"__proto__":',
    '"region":"s",',
    '"regio\\u006e":"s",',
    '"mcp-param-region":"s"',
    '9007199254740993',
    '1e400',
    '-0',
    '"=?base64?w6k=?="',
    '\\ud800',
    '\\r\\nX: y',
  ],
  run(input) {
    const outer = scanObject(input as RawJson);
    const declaredIn = memberRaw(outer, 'schema');
    if (declaredIn === undefined || parsed(input) === undefined) return;
    const declared = paramHeadersOf(declaredIn);
    if ('fault' in declared) return;
    const args = memberRaw(outer, 'arguments');
    for (const [name, value] of paramHeaderValues(declared.headers, args)) {
      hold(/^mcp-param-[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name), 'a header is named as headers are');
      hold(/^[\t\x20-\x7e]+$/.test(value), 'and its value never breaks out of its line');
    }
    const own1 = Object.fromEntries(paramHeaderValues(declared.headers, args));
    const ownFault = paramHeaderFault(declared.headers, args, own1);
    hold(ownFault === undefined || ownFault.includes('twice'), 'what the hub mirrors it takes itself');

    const given = own(parsed(input)?.value, 'headers');
    const headers: Record<string, string> = {};
    // As node:http hands them over.
    for (const [name, value] of isObject(given) ? Object.entries(given) : [])
      if (typeof value === 'string' && name !== '__proto__') headers[name] = encoded(value);
    if (paramHeaderFault(declared.headers, args, headers) !== undefined || args === undefined) return;
    for (const { header, path } of declared.headers)
      for (const value of [readFirst(args, path), readLast(args, path)])
        if (typeof value === 'string')
          hold(
            headerText(headers[header] ?? '\0') === wellFormed(value),
            'every reader of the body sees what the header says',
          );
  },
};

/** As a parser sees it for which the last of equal keys counts: most. */
function readLast(args: string, path: readonly string[]): unknown {
  return path.reduce((value: unknown, key) => own(value, key), parsed(args)?.value);
}

/** As one for which the first counts. */
function readFirst(args: string, path: readonly string[]): unknown {
  let value = parsedApart(args);
  for (const key of path) value = entriesApart(value).find(([name]) => name === key)?.[1];
  return value;
}
