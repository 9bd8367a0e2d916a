/** `spec.exposure`: the way from outside a cluster to the hub. */
import { list, object, objectName, oneOf, text } from '../schema/index.ts';

const host = text('A host name; a leading `*.` stands for one or more labels.', {
  min: 1,
  max: 253,
  pattern: '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
  example: 'desk.example.com',
});

export const exposureField = oneOf(
  'Cluster only. Makes the endpoint reachable from outside: an HTTPRoute at a Gateway, or an Ingress. Absent: nothing is exposed.',
  {
    gatewayRef: object('Gateway API: the Gateway the HTTPRoute attaches to.', {
      name: objectName('Name of the Gateway.'),
      namespace: text('Its namespace. Absent: that of the hub.', {
        min: 1,
        max: 63,
        pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      }).exactOptional(),
      sectionName: objectName('One listener of the Gateway. Absent: all that fit.').exactOptional(),
    }).exactOptional(),
    ingress: object('An Ingress.', {
      className: objectName('Name of the IngressClass. Absent: the default of the cluster.').exactOptional(),
      tlsSecretName: objectName('Secret with certificate and key for the hosts.').exactOptional(),
    }).exactOptional(),
    hosts: list('Host names it answers to. Empty: every host that gets there.', host, { max: 16, type: 'set' }).default(
      [],
    ),
  },
  ['gatewayRef', 'ingress'],
  { example: { gatewayRef: { name: 'public', namespace: 'gateways' }, hosts: ['desk.example.com'] } },
);
