/** `spec.sessions` of a hub: where legacy sessions live beside the memory of the replica that serves them. */
import { choice, keyRef, object, text } from '../schema/index.ts';

const secretValue = (description: string) => object(description, { secretKeyRef: keyRef('Secret') });

const redisField = object(
  'A store that speaks the Redis protocol (Redis, Valkey). It sees no content: values are encrypted with the key of the hub.',
  {
    url: text(
      'Where it is: `redis://[user@]host[:port][/database]`, or `rediss://` for TLS. No password: see passwordFrom.',
      {
        min: 9,
        max: 512,
        pattern:
          '^rediss?://([A-Za-z0-9._~-]{1,128}@)?([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?(/[0-9]{1,3})?$',
        example: 'rediss://sessions.example.com:6380/0',
      },
    ),
    passwordFrom: secretValue('The password. Absent: none is sent.').exactOptional(),
    caFrom: secretValue(
      'PEM of the authorities to trust, for `rediss://`. Absent: those that Node trusts.',
    ).exactOptional(),
    prefix: text('Before each key, so that several hubs can share a store.', {
      max: 64,
      pattern: '^[A-Za-z0-9._:/-]*$',
    }).default('quaymaster:'),
  },
  {
    rules: [
      {
        rule: "!has(self.caFrom) || self.url.startsWith('rediss://')",
        message: 'caFrom is for TLS; write the url with rediss://, or remove caFrom',
      },
    ],
  },
);

export const sessionsField = object(
  'Legacy sessions (revisions before 2026-07-28). Any replica serves any session; this is about what survives a replica that is killed.',
  {
    store: choice(
      'sealed: nothing but what replicas copy to each other. redis: what is said in a session and not yet read survives as well, also when all replicas are gone.',
      ['sealed', 'redis'],
    ).default('sealed'),
    redis: redisField.exactOptional(),
  },
  {
    rules: [
      {
        rule: "(has(self.store) && self.store == 'redis') == has(self.redis)",
        message: 'redis goes with store: redis, and store: redis needs redis.url',
      },
    ],
  },
);
