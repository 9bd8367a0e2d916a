/** HT-C1: pages link to what exists, name commands that exist, and quote messages that the program really says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { describeCommands } from '../hub-runtime/src/cli/index.ts';
import { root } from './support/run.ts';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'hub-runtime/README.md',
  ...markdown('docs'),
  ...markdown('examples'),
];

function markdown(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** As the usual renderers make them. */
function anchors(text: string): Set<string> {
  const headings = text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function blocks(text: string, languages: readonly string[]): string[] {
  return [...text.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```/gm)]
    .filter((match) => languages.includes(match[1] ?? ''))
    .map((match) => match[2] ?? '');
}

describe.each(pages)('%s', (page) => {
  const text = read(page);

  test('HT-C1 links lead somewhere', () => {
    const broken: string[] = [];
    for (const match of text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      const target = match[1] ?? '';
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, file))) broken.push(target);
      else if (anchor !== undefined && !anchors(read(file)).has(anchor)) broken.push(target);
    }
    expect(broken).toEqual([]);
  });

  test('HT-C1 commands exist', () => {
    const { program } = describeCommands('0');
    const known = program.commands.map((command) => command.name());
    const unknown: string[] = [];
    for (const block of blocks(text, ['sh', 'console'])) {
      for (const line of block.split('\n')) {
        const words = line
          .replace(/^\$ /, '')
          .replace(/\s+#.*$/, '')
          .replace(/^npx /, '')
          .split(' ');
        if (words[0] === 'make' && !new RegExp(`^${words[1]}:`, 'm').test(read('Makefile'))) unknown.push(line);
        if (
          (words[0] === 'qm' || words[0] === 'quaymaster') &&
          !words[1]?.startsWith('-') &&
          !known.includes(words[1] ?? '')
        )
          unknown.push(line);
      }
    }
    expect(unknown).toEqual([]);
  });

  test('HT-C1 YAML and JSON examples are well-formed', () => {
    for (const block of blocks(text, ['json']))
      for (const line of page.endsWith('logs.md') ? block.trim().split('\n') : [block]) JSON.parse(line);
    for (const block of blocks(text, ['yaml']))
      expect(parseAllDocuments(block).flatMap((document) => document.errors)).toEqual([]);
  });
});

test('HT-C1 headings of the troubleshooting page are messages of the program', () => {
  const sources = readdirSync(join(root, 'hub-runtime'), { recursive: true, encoding: 'utf8' })
    .concat(
      readdirSync(join(root, 'crds/src'), { recursive: true, encoding: 'utf8' }).map((name) =>
        join('../crds/src', name),
      ),
    )
    .filter((name) => /(?:^|\/)(?:src|bin)\/.*\.(?:ts|js)$/.test(name) && !/\.test\.ts$|node_modules|dist\//.test(name))
    .map((name) => readFileSync(join(root, 'hub-runtime', name), 'utf8'))
    .join('\n');
  const headings = [...read('docs/troubleshooting.md').matchAll(/^## (.+)$/gm)].map((match) => match[1] ?? '');
  expect(headings.length).toBeGreaterThan(8);
  const advice = ['Tools are missing'];
  expect(headings.filter((heading) => !advice.includes(heading) && !sources.includes(heading))).toEqual([]);
});

test('HT-C1 the architecture page names every room of the hub, and no other', () => {
  const rooms = readdirSync(join(root, 'hub-runtime/src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const section =
    read('docs/architecture.md').split('## Rooms of the hub')[1]?.split('Rooms that later work adds')[0] ?? '';
  expect([...section.matchAll(/^\| `([\w-]+)` /gm)].map((match) => match[1] ?? '').toSorted()).toEqual(
    rooms.toSorted(),
  );
});

test('no page mentions a registry by host name', () => {
  // Put together here, so that this file does not either.
  const hosts = [['registry', 'npmjs'].join('.'), ['pypi', 'org'].join('.')];
  for (const page of pages) for (const host of hosts) expect(read(page).includes(host), `${page}: ${host}`).toBe(false);
});
