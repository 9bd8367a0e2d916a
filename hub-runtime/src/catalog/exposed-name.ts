/**
 * The name under which a hub offers a server's tool or prompt.
 *
 * Same server and name always give the same exposed name, whatever else is in the hub (HT-0.06). Two different ones give different
 * names: whenever characters had to be replaced or cut, eight hex digits of a hash over both are appended. What could still meet
 * (`a` + `b_c` and `a_b` + `c`) is found as a collision where the catalog is built; here nobody else is known.
 * Byte form in, plain ASCII out, except with strategy `none`, which leaves characters alone.
 */
import { createHash } from 'node:crypto';

import type { NamingConfig, ServerConfig } from '@quaymaster/crds';

/** MCP 2025-11-25, server/tools: names SHOULD be made of these. */
const illegal = /[^A-Za-z0-9_.-]/g;
const hashChars = 8;

/** `base` is the server's own name of the item, or what `rename` made of it. `original` only feeds the hash. */
export function exposedName(naming: NamingConfig, server: ServerConfig, base: string, original: string): string {
  const full = naming.strategy === 'none' ? base : server.prefix + naming.separator + base;
  const legal = naming.strategy === 'none' ? full : full.replace(illegal, '_');
  if (legal === full && full.length <= naming.maxLength) return full;
  const tail = `_${stableHash(server.key, original)}`;
  return legal.slice(0, Math.max(1, naming.maxLength - tail.length)) + tail;
}

function stableHash(serverKey: string, original: string): string {
  return createHash('sha256').update(`${serverKey}\n${original}`, 'latin1').digest('hex').slice(0, hashChars);
}
