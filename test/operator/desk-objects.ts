/** What hub "desk" of the quickstart owns, and the harm that somebody with too many rights does to it. */
import { inTeam, type Live } from './stage.ts';

export const deskObjects = [
  'deployment/desk-hub',
  'service/desk-hub',
  'service/desk-hub-peers',
  'serviceaccount/desk-hub',
  'poddisruptionbudget/desk-hub',
  'networkpolicy/desk-hub',
  'secret/desk-config',
  'secret/desk-credentials',
  'secret/desk-sealing',
] as const;

export interface Harm {
  readonly what: string;
  readonly path: string;
  /** JSON merge patch. */
  readonly patch: object;
  readonly isRepaired: (live: Live) => boolean;
}

const deployment = inTeam('/apis/apps/v1', 'deployments', 'desk-hub');

export const harms: readonly Harm[] = [
  {
    what: 'template',
    path: deployment,
    patch: { spec: { template: { spec: { automountServiceAccountToken: true } } } },
    isRepaired: ({ spec }) => JSON.stringify(spec?.['template']).includes('"automountServiceAccountToken":false'),
  },
  {
    what: 'label',
    path: deployment,
    patch: { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } },
    isRepaired: ({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'quaymaster',
  },
  {
    what: 'selector',
    path: inTeam('/api/v1', 'services', 'desk-hub'),
    patch: { spec: { selector: { 'quaymaster.dev/hub': 'other' } } },
    isRepaired: ({ spec }) => JSON.stringify(spec?.['selector']).includes('desk'),
  },
  {
    what: 'budget',
    path: inTeam('/apis/policy/v1', 'poddisruptionbudgets', 'desk-hub'),
    patch: { spec: { maxUnavailable: 2 } },
    isRepaired: ({ spec }) => spec?.['maxUnavailable'] === 1,
  },
  {
    what: 'policy',
    path: inTeam('/apis/networking.k8s.io/v1', 'networkpolicies', 'desk-hub'),
    patch: { spec: { ingress: [] } },
    isRepaired: ({ spec }) => JSON.stringify(spec?.['ingress'] ?? '').includes('7575'),
  },
  {
    what: 'account',
    path: inTeam('/api/v1', 'serviceaccounts', 'desk-hub'),
    patch: { automountServiceAccountToken: true },
    isRepaired: ({ automountServiceAccountToken }) => automountServiceAccountToken === false,
  },
];

/** What is deleted, and has to come back as another object. */
export const deletions: readonly { readonly what: string; readonly path: string }[] = [
  { what: 'deployment', path: deployment },
  { what: 'service', path: inTeam('/api/v1', 'services', 'desk-hub-peers') },
  { what: 'configuration', path: inTeam('/api/v1', 'secrets', 'desk-config') },
  { what: 'credentials', path: inTeam('/api/v1', 'secrets', 'desk-credentials') },
];
