/**
 * What the hub declares to clients.
 *
 * Tools, prompts and resources always: a legacy client learns capabilities once, at `initialize`, and servers come and go later (hot
 * configuration, late starts); an empty list is a correct answer, a list it never asks for is not. Completion, logging and subscriptions only
 * where a server has them, or one has not been listed yet. No extension is relayed so far, so none is offered.
 */
import type { Era } from '@quaymaster/crds';

import { memberRaw, type RawJson, scanObject } from '../wire/index.ts';
import type { ListedServer } from './candidate.ts';

export function hubCapabilities(
  servers: readonly ListedServer[],
  someUnlisted: boolean,
): Readonly<Record<Era, RawJson>> {
  const any = (name: string): boolean =>
    someUnlisted || servers.some(({ listing }) => memberRaw(listing.capabilities, name) !== undefined);
  const completions = any('completions') ? ',"completions":{}' : '';
  const logging = any('logging') ? ',"logging":{}' : '';
  const subscribes = someUnlisted || servers.some(tellsOfResources);
  const resources = `"resources":{"listChanged":true${subscribes ? ',"subscribe":true' : ''}}`;
  const lists = `"tools":{"listChanged":true},"prompts":{"listChanged":true},${resources}`;
  return {
    modern: `{${lists}${completions}}` as RawJson,
    legacy: `{${lists}${completions}${logging}}` as RawJson,
  };
}

function tellsOfResources({ listing }: ListedServer): boolean {
  const resources = memberRaw(listing.capabilities, 'resources');
  return resources !== undefined && memberRaw(scanObject(resources), 'subscribe') === 'true';
}
