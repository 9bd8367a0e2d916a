/** The four images: which layers, what starts, as whom. `Dockerfile.*` say the same to other builders, and are generated from this. */
import { home, nonRoot } from './recipes.ts';

export const imageNames = ['hub', 'operator', 'runner-npm', 'runner-pypi'] as const;
export type ImageName = (typeof imageNames)[number];
export type LayerName = 'base' | 'shell' | 'npm' | 'python' | 'hub' | 'operator';

export interface ImageSpec {
  readonly title: string;
  readonly layers: readonly LayerName[];
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export const user = `${nonRoot}:${nonRoot}`;

/** `__proto__` is not there: nothing uses it but mistakes and attacks. The limit of the heap V8 takes from the cgroup by itself (half of it). */
const node = [`${home}/bin/node`, '--disable-proto=delete'];
/** The young generation may grow as on a laptop (16 MiB): V8 would allow 4 in a container of 512, and collect more often under load. */
const qm = [...node, '--max-semi-space-size=16', `${home}/qm.js`];
const env = { PATH: `${home}/bin:/usr/local/bin:/usr/bin:/bin`, HOME: '/tmp' };

export const images: Readonly<Record<ImageName, ImageSpec>> = {
  hub: {
    title: 'The hub, and the bridge that is laid into images of MCP servers',
    layers: ['base', 'hub'],
    entrypoint: qm,
    env,
  },
  operator: {
    title: 'The operator',
    layers: ['base', 'operator'],
    // It waits most of the time, and holds thousands of small objects: memory is dearer than speed. A small young generation, a collector that
    // prefers compact pages to idle processors, and machine code that goes when it is not run (docs/decisions/0024-memory-of-the-operator.md).
    entrypoint: [
      ...node,
      '--max-semi-space-size=2',
      '--memory-saver-mode',
      '--flush-baseline-code',
      `${home}/operator.js`,
    ],
    // One arena, because threads that hand buffers to each other leave holes in all; what is large is mapped by itself, and given back when freed.
    env: { ...env, MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '32768', MALLOC_TRIM_THRESHOLD_: '65536' },
  },
  'runner-npm': {
    title: 'Runs MCP servers from npm packages behind the bridge',
    layers: ['base', 'shell', 'npm', 'hub'],
    entrypoint: qm,
    env,
  },
  'runner-pypi': {
    title: 'Runs MCP servers from PyPI packages behind the bridge',
    layers: ['base', 'shell', 'python', 'hub'],
    entrypoint: qm,
    // One Python is here and no other is fetched. The cache is on the volume of the environments, so that files are linked and not copied.
    env: { ...env, UV_PYTHON_DOWNLOADS: 'never', UV_CACHE_DIR: '/var/cache/quaymaster/.uv' },
  },
};

/** As manifests and charts name it. */
export function reference(name: ImageName, version: string): string {
  return `quaymaster/${name}:${version}`;
}
