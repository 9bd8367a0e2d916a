import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { maxDocumentBytes } from '@quaymaster/crds';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createTestClock, systemClock } from '../../base/index.ts';
import { documentOf, mountOf } from '../testing/index.ts';
import { parseDocument, readMount, watchMounts } from './index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'qm-mount-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const texts = async () =>
  Object.fromEntries([...((await readMount(folder)) ?? [])].map(([name, content]) => [name, content.toString()]));

describe('reading', () => {
  test('the state behind the link, and nothing of how the kubelet keeps it', async () => {
    const mount = mountOf(folder);
    mount.write({ a: '1', b: '2' });
    expect(await texts()).toEqual({ a: '1', b: '2' });
    mount.write({ a: '3' });
    expect(await texts()).toEqual({ a: '3' });
  });

  test('a plain directory is read as well; none is none; what is too much is refused', async () => {
    writeFileSync(path.join(folder, 'a'), '1');
    mkdirSync(path.join(folder, 'sub'));
    expect(await texts()).toEqual({ a: '1' });
    expect(await readMount(path.join(folder, 'none'))).toBeUndefined();
    writeFileSync(path.join(folder, 'b'), Buffer.alloc(2 * 1_024 * 1_024));
    await expect(readMount(folder)).rejects.toThrow('holds more than');
    await expect(readMount(path.join(folder, 'a'))).rejects.toThrow('ENOTDIR');
  });
});

describe('the document', () => {
  test('comes back as it was written', async () => {
    const document = documentOf(7, { hosts: ['x'] });
    expect(await parseDocument(gzipSync(JSON.stringify(document)))).toEqual(document);
  });

  test.each<[string, Buffer, string]>([
    ['no gzip', Buffer.from('{}'), 'incorrect header check'],
    ['no JSON', gzipSync('{'), 'not JSON'],
    ['half a document', gzipSync('{"version":2}'), 'a config message lacks something'],
    ['another version', gzipSync('{"version":2,"generation":1,"hash":"h"}'), 'version 2, of a later release'],
    ['more than one value', gzipSync('{}},"type":"drain","graceMs":{"a":1'), ''],
    ['too large', Buffer.alloc(maxDocumentBytes + 1), 'the document has'],
    ['a bomb', gzipSync(Buffer.alloc(20 * 1_024 * 1_024)), 'larger than'],
  ])('%s is refused', async (_what, packed, message) => {
    await expect(parseDocument(packed)).rejects.toThrow(message);
  });
});

describe('watching', () => {
  test('a swapped link is told, a burst of changes once', async () => {
    const mount = mountOf(folder);
    mount.write({ a: '1' });
    let told = 0;
    const watch = watchMounts({ directories: [folder], clock: systemClock, onChange: () => told++, settleMs: 20 });
    mount.write({ a: '2' });
    mount.write({ a: '3' });
    await expect.poll(() => told).toBe(1);
    watch.close();
    mount.write({ a: '4' });
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(told).toBe(1);
  });

  test('without any event it is looked at every ten seconds, also when the directory comes later', async () => {
    const clock = createTestClock();
    let told = 0;
    const directory = path.join(folder, 'later');
    const watch = watchMounts({ directories: [directory], clock, onChange: () => told++ });
    await clock.advance(9_999);
    expect(told).toBe(0);
    mkdirSync(directory);
    await clock.advance(1);
    expect(told).toBe(1);
    writeFileSync(path.join(directory, 'a'), '1');
    await expect.poll(async () => clock.advance(50).then(() => told)).toBe(2);
    watch.close();
    expect(clock.pending).toBe(0);
  });
});
