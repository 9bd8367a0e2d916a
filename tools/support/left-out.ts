/**
 * Keeps packages out of a bundle that a dependency asks for only when it is used in a way in which ours never is. Asked all the same, they
 * say so.
 */
import type { Plugin } from 'esbuild';

const namespace = 'left-out';

/** `reasons`: why each package is never asked for. */
export function leftOut(reasons: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'left-out',
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path }) => (Object.hasOwn(reasons, path) ? { path, namespace } : undefined));
      build.onLoad({ filter: /.*/, namespace }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is not in this bundle: ${reasons[path]}`)});`,
        loader: 'js',
      }));
    },
  };
}
