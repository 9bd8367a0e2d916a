/** What clients carry for the hub (session ids, cursors, request states, event ids): only what was given out opens anything. */
import { createTestClock } from '../../../hub-runtime/src/base/index.ts';
import { buildCatalog } from '../../../hub-runtime/src/catalog/index.ts';
import { anonymous } from '../../../hub-runtime/src/exchange/index.ts';
import { hubConfig, listing, serverConfig, tool } from '../../../hub-runtime/src/fixtures/index.ts';
import { ownerOfState } from '../../../hub-runtime/src/questions/index.ts';
import {
  createSealer,
  createSessionStore,
  LegacySession,
  type Sealer,
} from '../../../hub-runtime/src/session/index.ts';
import { emptyObject, memberRaw, type RawJson, scanObject } from '../../../hub-runtime/src/wire/index.ts';
import { hold, type Target } from '../engine/target.ts';

const clock = createTestClock();
let drawn = 0;
/** The same tokens in every run: what was found is found again. */
const bytes = (size: number): Buffer => Buffer.alloc(size, ++drawn);
const sealer: Sealer = createSealer([Buffer.alloc(32, 7), Buffer.alloc(32, 8)], clock, bytes);
const store = createSessionStore({
  hub: 'ns/desk',
  owner: 'here',
  sealer,
  clock,
  randomBytes: bytes,
  limits: () => ({ sessions: 10, idleMs: 1_000_000 }),
  onEnd: () => {},
});
const session = store.create({
  principal: anonymous,
  revision: '2025-11-25',
  capabilities: emptyObject,
  clientInfo: undefined,
});
if (session === undefined) throw new Error('no session');
const held = session;
const stream = held.replay.open('post');
for (let count = 0; count < 5; count++) stream.send('{"a":1}' as RawJson);

const servers = [serverConfig('one')];
const catalog = buildCatalog(
  hubConfig(servers, { limits: { pageSize: 2 } }),
  new Map([['default/one', listing({ tools: ['a', 'b', 'c', 'd', 'e'].map((name) => tool(name)) })]]),
  {
    sealCursor: (payload) => sealer.seal('cursor', payload),
    openCursor: (token) => sealer.open('cursor', token),
  },
);
const cursor = cursorIn(catalog.page('tools', undefined, 'modern'));
const state = sealer.seal('request-state', { k: 'parked', o: 'me', p: 'x', d: 'y', u: 'z', n: 1, s: 'id' });
/** Sealed by this hub, and none of what is asked for. */
const strangers = [
  7,
  null,
  [],
  {},
  { hub: 7, kind: 'tools' },
  { hub: 'default/desk', kind: 'prompts', prefix: '', name: '' },
];
const cursorLike = strangers.map((payload) => sealer.seal('cursor', payload));
const sessionLike = strangers.map((payload) => sealer.seal('legacy-session', payload));
const stateLike = strangers.map((payload) => sealer.seal('request-state', payload));
const givenOut = new Set([held.token, cursor, state, ...cursorLike, ...sessionLike, ...stateLike]);

export const tokens: Target = {
  name: 'tokens',
  seeds: [held.token, cursor, state, 'p1-3', 'g1-0', ...cursorLike, ...sessionLike, ...stateLike],
  dictionary: [
    '=',
    '-',
    '_',
    'AAAA',
    '+',
    '/',
    '\xff',
    'p1-',
    'p1-99',
    '-0',
    '999999999999999',
    held.token.slice(0, 24),
    cursor.slice(-24),
  ],
  run(input) {
    for (const purpose of ['legacy-session', 'cursor', 'request-state'])
      if (!givenOut.has(input)) hold(sealer.open(purpose, input) === undefined, 'only what was given out opens');
    const found = store.find(input, anonymous);
    hold(input === held.token ? found === held : found === 'foreign', 'a session is found by its own id');
    hold(!(found instanceof LegacySession) || found === held, 'and nobody else’s');
    const page = catalog.page('tools', input, 'modern');
    hold((page !== undefined) === (input === cursor || input === ''), 'a page is opened by its own cursor');
    for (const kind of ['prompts', 'resources'] as const)
      hold(
        input === '' || cursorLike.includes(input) || catalog.page(kind, input, 'legacy') === undefined,
        'and no other list',
      );
    const owner = ownerOfState(sealer, JSON.stringify(input) as RawJson);
    hold(owner === undefined || givenOut.has(input), 'nobody is named by a state that was not given out');
    const place = held.replay.find(input);
    if (place !== undefined)
      hold(
        place.stream === stream && Number.isSafeInteger(place.seq) && place.seq >= 0,
        'an event id names a place of a stream',
      );
  },
};

function cursorIn(page: RawJson | undefined): string {
  const raw = page === undefined ? undefined : memberRaw(scanObject(page), 'nextCursor');
  return raw === undefined ? '' : raw.slice(1, -1);
}
