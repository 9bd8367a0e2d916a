/** Building blocks of the kinds' zod schemas. Only the generators and type inference come here; nothing at run time loads zod. */
export { choice, docKeys, flag, integer, list, map, object, oneOf, text } from './fields.ts';
export type { Rule } from './fields.ts';
export type { KindDefinition } from './kind.ts';
export { podTemplate } from './pod-template.ts';
export { keyRef, labelSelector, objectRef } from './references.ts';
export { bytes, duration, maxKindName, objectName, serverName, toolName } from './scalars.ts';
export { conditionsField, observedGenerationField, replicaStatusFields } from './status-fields.ts';
