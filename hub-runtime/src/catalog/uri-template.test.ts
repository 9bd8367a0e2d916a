import { expect, test } from 'vitest';

import { parseUriTemplate, uriTemplateMatches } from './uri-template.ts';

function matches(template: string, uri: string, steps = 1_000_000): boolean {
  const parsed = parseUriTemplate(template);
  if (parsed === undefined) throw new Error(`${template} is no template`);
  return uriTemplateMatches(parsed, uri, { steps });
}

test.each([
  ['greeting://{name}', 'greeting://ada', true],
  ['greeting://{name}', 'greeting://', false],
  ['greeting://{name}', 'greeting://a/b', false],
  ['greeting://{name}', 'hello://ada', false],
  ['file:///{+path}', 'file:///a/b?c#d', true],
  ['file:///{+path}', 'file:///', false],
  ['db://{table}/rows/{id}', 'db://users/rows/7', true],
  ['db://{table}/rows/{id}', 'db://users/rows/7/x', false],
  ['db://{a}-{b}', 'db://x-y-z', true],
  ['repo://{owner}{/path*}', 'repo://me/a/b', true],
  ['repo://{owner}{/path*}', 'repo://me', true],
  ['search://x{?q,limit}', 'search://x?q=a&limit=2', true],
  ['search://x{?q,limit}', 'search://x', true],
  ['search://x{?q}', 'search://xy', false],
  ['search://x?fixed=1{&more}', 'search://x?fixed=1&more=2', true],
  ['doc://a{#part}', 'doc://a#top/1', true],
  ['doc://a{.ext}', 'doc://a.tar.gz', true],
  ['doc://a{;v}', 'doc://a;v=1', true],
  ['aaa{x}aaa', 'aaaaaaa', true],
  ['aaa{x}aaa', 'aaaaaa', false],
  ['plain://uri', 'plain://uri', true],
  ['plain://uri', 'plain://uri/', false],
])('%s fits %s: %s', (template, uri, wanted) => {
  expect(matches(template, uri)).toBe(wanted);
});

test.each(['{', 'a}', 'a{}', 'a{+}', 'a{{b}}', 'a{|b}', '', '{a}'.repeat(65)])('%j is no template', (text) => {
  expect(parseUriTemplate(text)).toBeUndefined();
});

test('a match that would cost more than its budget is no match', () => {
  expect(matches('x://{+a}{+b}{+c}', `x://${'a'.repeat(1_000)}`, 2_000)).toBe(false);
  expect(matches('x://{+a}{+b}{+c}', `x://${'a'.repeat(1_000)}`, 10_000)).toBe(true);
});
