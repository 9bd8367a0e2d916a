/** Where the two drivers differ, and why that is right. The list may only shrink. */
import type { DeclaredDifference } from './compare.ts';

export const declaredDifferences: readonly DeclaredDifference[] = [];
