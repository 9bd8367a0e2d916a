/** What the hub offers beside what its servers have: resources about itself, where `spec.control.ops` asks for them (HS-03, HT-0.02). */
import type { HubConfig } from '@quaymaster/crds';

import type { Route } from '../exchange/index.ts';
import { rawOf } from '../wire/index.ts';
import type { Candidate } from './candidate.ts';

export const graphUri = 'hub://graph';

/** Of no server: they come first in every list, and their URIs are theirs whatever servers list. */
const nobody = { key: '', prefix: '' };

export function ownResources({ control }: Pick<HubConfig, 'control'>): readonly Candidate[] {
  if (control?.ops !== true) return [];
  const raw = rawOf({
    uri: graphUri,
    name: 'graph',
    title: 'Capability graph of this hub',
    description: 'What each server has, under which name it is offered here, and what is not offered and why.',
    mimeType: 'application/json',
  });
  const route: Route = { serverKey: '', original: graphUri, own: 'graph' };
  return [{ server: nobody, exposed: graphUri, route, modern: raw, legacy: raw }];
}
