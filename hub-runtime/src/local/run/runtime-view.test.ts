import type { ServerSource } from '@quaymaster/crds';
import { expect, test } from 'vitest';

import { describeSource } from './runtime-view.ts';

test.each<[ServerSource, string]>([
  [{ kind: 'npm', package: '@a/b', version: '1.2.3', args: ['--token=secret'] }, 'npm @a/b@1.2.3'],
  [{ kind: 'pypi', package: 'p', version: '1.0', args: [], with: [] }, 'pypi p==1.0'],
  [{ kind: 'command', command: './run', args: ['--token=secret'] }, 'command ./run'],
  [{ kind: 'image', image: 'ghcr.io/a/b@sha256:1', command: [], args: [] }, 'image ghcr.io/a/b@sha256:1'],
  [{ kind: 'remote', url: 'https://x.example/mcp?key=secret' }, 'remote https://x.example/mcp'],
  [{ kind: 'remote', url: 'https://x.example/mcp' }, 'remote https://x.example/mcp'],
])('what runs, in one line that holds no argument and no query: %j', (source, line) => {
  expect(describeSource(source)).toBe(line);
});
