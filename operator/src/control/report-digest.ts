/** Whether two reports differ in anything but counters: so that a hub under load does not wake its controller with every report. */
import { createHash } from 'node:crypto';

import type { ReportMessage } from '@quaymaster/crds';

/** Demand counts as state where it begins and ends: it wakes a sleeping server. */
export function reportDigest({ load: _load, servers, ...rest }: ReportMessage): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(rest));
  for (const [key, server] of Object.entries(servers)) {
    hash.update(JSON.stringify([key, { ...server, inFlight: 0, waiting: server.waiting > 0 }]));
  }
  return hash.digest('base64');
}
