/** Package mirrors of a runner Pod: variables the installers know, and their credentials as a file. For sites without a way out. */
import type { ServerConfig } from '../hub-config/index.ts';
import { literal } from './literal.ts';
import { podPaths } from './pod-contract.ts';
import { mirrorsOf } from './settings.ts';
import type { RenderSettings } from './settings.ts';
import type { Json } from './types.ts';
import { secretFiles } from './volumes.ts';
import type { Mounted } from './volumes.ts';

interface MirrorFiles extends Mounted {
  readonly env: readonly Json[];
}

/** pip and uv are both asked for: which one installs is the image's choice. */
const variables = {
  npm: { url: ['NPM_CONFIG_REGISTRY'], file: 'NPM_CONFIG_USERCONFIG', path: 'npmrc' },
  pypi: { url: ['PIP_INDEX_URL', 'UV_DEFAULT_INDEX'], file: 'NETRC', path: 'netrc' },
} as const;

export function mirrorFiles(kind: 'npm' | 'pypi', config: ServerConfig, settings: RenderSettings): MirrorFiles {
  const mirror = mirrorsOf(settings, config.namespace, config.name)[kind];
  if (mirror === undefined) return { env: [], volumes: [], mounts: [] };
  const { url, file, path } = variables[kind];
  const env = url.map((name) => ({ name, value: literal(mirror.url) }));
  const { secretRef } = mirror;
  if (secretRef === undefined) return { env, volumes: [], mounts: [] };
  return {
    env: [...env, { name: file, value: `${podPaths.mirrors}/${path}` }],
    ...secretFiles('mirror', secretRef.name, podPaths.mirrors, [{ key: secretRef.key, path }]),
  };
}
