import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Fetched } from './mirror-store.ts';
import { startPackageMirror, type PackageMirror } from './package-mirror.ts';

const registries = { npm: 'http://npm.example/deep/', pypi: 'http://pypi.example/simple/' };
const npmName = 'http://npm.example/deep/@acme%2fserver';
const wheel = 'http://files.example/a/server-1-py3-none-any.whl';

let folder: string;
let answers: Record<string, Fetched | Error>;
let asked: string[];
let now: number;
let mirror: PackageMirror;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qm-mirror-'));
  asked = [];
  now = 1_000;
  const listing = {
    name: '@acme/server',
    versions: { '1.0.0': { dist: { tarball: 'http://far.example/server-1.0.0.tgz' } } },
  };
  answers = {
    [npmName]: json(listing),
    'http://far.example/server-1.0.0.tgz': {
      status: 200,
      type: 'application/octet-stream',
      body: Buffer.from([31, 139, 0, 10]),
    },
    'http://pypi.example/simple/server/': json({ files: [{ filename: 'w', url: `${wheel}#sha256=aa` }] }),
    [wheel]: { status: 200, type: 'application/zip', body: Buffer.from('wheel') },
    [`${wheel}.metadata`]: { status: 200, type: 'text/plain', body: Buffer.from('Name: server') },
  };
  mirror = await open();
});

afterEach(async () => {
  await mirror.close();
  rmSync(folder, { recursive: true });
});

function json(value: unknown): Fetched {
  return { status: 200, type: 'application/json', body: Buffer.from(JSON.stringify(value)) };
}

function open(): Promise<PackageMirror> {
  return startPackageMirror({
    folder,
    registries,
    listingMs: 100,
    now: () => now,
    fetcher: (url) => {
      asked.push(url);
      const answer = answers[url] ?? { status: 404, type: 'application/json', body: Buffer.from('{}') };
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
}

const text = async (url: string, init?: RequestInit): Promise<string> => (await fetch(url, init)).text();

async function tarball(): Promise<string> {
  const listing = JSON.parse(await text(`${mirror.npm}@acme%2fserver`)) as {
    versions: Record<string, { dist: { tarball: string } }>;
  };
  return listing.versions['1.0.0']?.dist.tarball ?? '';
}

test('npm: tarballs come from below the address of the mirror, byte for byte', async () => {
  const url = await tarball();
  expect(url.startsWith(mirror.npm)).toBe(true);
  expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(Buffer.from([31, 139, 0, 10]));
});

test('PyPI: links of both forms, checksums kept, metadata beside the file', async () => {
  const { files } = JSON.parse(await text(`${mirror.pypi}server/`)) as { files: [{ url: string }] };
  const [link, hash] = files[0].url.split('#');
  expect(hash).toBe('sha256=aa');
  expect(await text(link ?? '')).toBe('wheel');
  expect(await text(`${link}.metadata`)).toBe('Name: server');
  const page = '<a href="../../a/b.whl#sha256=bb" data-requires-python="&gt;=3">b</a>';
  answers['http://pypi.example/simple/other/'] = { status: 200, type: 'text/html', body: Buffer.from(page) };
  const other = await text(`${mirror.pypi}other/`);
  const name = createHash('sha256').update('http://pypi.example/a/b.whl').digest('hex');
  expect(other).toBe(
    `<a href="${mirror.pypi.replace('simple/', '')}files/${name}/b.whl#sha256=bb" data-requires-python="&gt;=3">b</a>`,
  );
});

test('a package is fetched once; it is there after a restart with the registries away', async () => {
  const first = await tarball();
  await text(first);
  await text(first);
  expect(asked.filter((url) => url.startsWith('http://far'))).toHaveLength(1);
  await mirror.close();
  for (const url of Object.keys(answers)) answers[url] = new Error('away');
  mirror = await open();
  now += 1_000_000;
  const again = await tarball();
  expect((await fetch(again)).status).toBe(200);
});

test('listings grow old, and are renewed when asked for again', async () => {
  await tarball();
  await tarball();
  expect(asked).toEqual([npmName]);
  now += 101;
  await tarball();
  expect(asked).toEqual([npmName, npmName]);
});

test('several that ask at once cost one fetch', async () => {
  await Promise.all([tarball(), tarball(), tarball()]);
  expect(asked).toEqual([npmName]);
});

test('what is missing is said and not kept', async () => {
  expect((await fetch(`${mirror.npm}nothing`)).status).toBe(404);
  answers['http://npm.example/deep/nothing'] = json({ name: 'nothing' });
  expect((await fetch(`${mirror.npm}nothing`)).status).toBe(200);
});

test.each([
  ['an address that no registry named', 'GET', `/npm/-/${'0'.repeat(64)}/x.tgz`, 404],
  ['anything but packages', 'GET', '/npm/-/user/org.couchdb.user:x', 404],
  ['a way out of the index', 'GET', '/pypi/simple/../../etc', 404],
  ['a change', 'PUT', '/npm/@acme%2fserver', 405],
])('%s is refused, and no registry is asked', async (_what, method, path, status) => {
  const answer = await fetch(new URL(mirror.npm).origin + path, { method });
  expect(answer.status).toBe(status);
  expect(asked).toEqual([]);
});

test('a registry that does not answer is a 502 with the reason, when nothing was kept', async () => {
  answers[npmName] = new Error('no way');
  const answer = await fetch(`${mirror.npm}@acme%2fserver`);
  expect([answer.status, await answer.text()]).toEqual([502, 'the registry of this machine did not answer: no way']);
});
