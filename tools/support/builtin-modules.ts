/**
 * How a bundle gets the modules of Node itself: as plain objects, instead of by `import`.
 *
 * An `import` of one reads every property that it exports, and some of those are getters that load a whole room of Node first: importing
 * `node:http` loads the client behind `fetch` and `WebSocket`, 30 to 40 ms that a hub would spend at each start on something it never calls.
 * `process.getBuiltinModule` (Node 22.3 and later) gives the same object and reads nothing.
 */
import { builtinModules } from 'node:module';

import type { Plugin } from 'esbuild';

const namespace = 'node-builtin';
const identifier = /^[A-Za-z_$][\w$]*$/;

/** Only `import`; what CommonJS asks for by `require` is the plain object already. */
export function builtinsAsObjects(): Plugin {
  return {
    name: 'builtins-as-objects',
    setup(build) {
      build.onResolve({ filter: /^(node:)?[a-z_0-9/]+$/ }, ({ path, kind }) => {
        const name = path.replace(/^node:/, '');
        if (kind === 'require-call' || kind === 'require-resolve' || !builtinModules.includes(name)) return undefined;
        return { path: `node:${name}`, namespace, sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace }, ({ path }) => ({ contents: contentsFor(path), loader: 'js' }));
    },
  };
}

/** Exports that are getters are left out: reading them is what this is there to avoid. Whoever imports one is told so by the bundler. */
function contentsFor(path: string): string {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(path)));
  const names = properties.filter(
    ([name, { get }]) => get === undefined && identifier.test(name) && name !== 'default',
  );
  return [
    `const builtin = process.getBuiltinModule(${JSON.stringify(path)});`,
    'export default builtin;',
    ...names.map(([name], at) => `const name${at} = builtin.${name}; export { name${at} as ${name} };`),
  ].join('\n');
}
