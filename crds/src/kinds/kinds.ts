/** The kinds in the order in which the reference shows them. */
import { mcpHubKind } from '../hub/index.ts';
import type { KindDefinition } from '../schema/index.ts';
import { mcpServerKind } from '../server/index.ts';

export const kinds: readonly KindDefinition[] = [mcpServerKind, mcpHubKind];
