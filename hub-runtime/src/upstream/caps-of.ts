/** What the processes of a server may take of the machine. */
import type { ServerConfig } from '@quaymaster/crds';

import type { ChildCaps } from '../bridge/index.ts';

export function capsOf({ limits }: ServerConfig): ChildCaps | undefined {
  const { memoryBytes, openFiles } = limits ?? {};
  return memoryBytes === undefined && openFiles === undefined ? undefined : { memoryBytes, openFiles };
}
