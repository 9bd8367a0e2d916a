/** Text that reaches a process as it is written, although Kubernetes expands `$(NAME)` and `$$` in arguments and values. */
import type { RootConfig } from '../hub-config/index.ts';

/** Doubled, every dollar is a dollar again after the kubelet's expansion. */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/**
 * `$(roots.docs)` becomes its mount path, `$$(roots.docs)` the literal text, everything else stays; as in the process driver. `compile`
 * refuses names that no root has.
 */
export function withRoots(text: string, roots: readonly RootConfig[]): string {
  return text.replace(/\$?\$\(roots\.([A-Za-z0-9._-]+)\)/g, (match: string, name: string) => {
    if (match.startsWith('$$')) return match.slice(1);
    return roots.find((root) => root.name === name)?.mountPath ?? match;
  });
}
