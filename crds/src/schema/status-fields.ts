/** Members every `status` has. Drivers write it, nobody else; readers may rely on kstatus rules. */
import { choice, integer, list, object, text } from './fields.ts';

const conditionSchema = object('One aspect of the state of the object.', {
  type: text('Aspect: Accepted, ResolvedRefs, Programmed, Ready, Reconciling, Stalled, Degraded, Insecure.', {
    min: 1,
    max: 316,
  }),
  status: choice('Whether it holds.', ['True', 'False', 'Unknown']),
  observedGeneration: integer('metadata.generation this was said about.', {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }).exactOptional(),
  lastTransitionTime: text('When status last changed (RFC 3339).', { min: 1, max: 40 }),
  reason: text('Stable CamelCase word; each has a section in the conditions reference.', {
    min: 1,
    max: 128,
    pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
  }),
  message: text('What is so, and what to do about it.', { max: 32_768 }),
});

export const conditionsField = list('State of the object, one entry per aspect.', conditionSchema, {
  max: 16,
  type: 'map',
  keys: ['type'],
});

export const observedGenerationField = integer('metadata.generation the whole status was made from.', {
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
});

/** For the scale subresource. */
export const replicaStatusFields = {
  replicas: integer('Running replicas.', { min: 0, max: 1_000 }).exactOptional(),
  selector: text('Label selector of the pods, for autoscalers.', { max: 1_024 }).exactOptional(),
};
