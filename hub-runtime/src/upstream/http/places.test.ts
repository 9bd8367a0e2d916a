/** Which replica a request goes to, without any request. */
import { afterEach, describe, expect, test } from 'vitest';

import { createTestClock } from '../../base/index.ts';
import { draining, FakeFeed, starting } from '../testing/index.ts';
import type { OriginLease } from './http-pool.ts';
import { httpLimits } from './limits.ts';
import type { Place } from './place.ts';
import { Places } from './places.ts';

const releases: (() => void)[] = [];
afterEach(() => {
  for (const release of releases.splice(0)) release();
});

function world(feed: FakeFeed | undefined, random: () => number = () => 0) {
  const clock = createTestClock();
  const leased: string[] = [];
  const open = (address: string | undefined): OriginLease => {
    const name = address ?? 'url';
    leased.push(`open ${name}`);
    return { calls: {} as never, streams: {} as never, release: () => void leased.push(`close ${name}`) };
  };
  const places = new Places({ clock, random, feed, open });
  const release = places.hold();
  releases.push(release);
  return { clock, leased, places, release };
}

const times = (count: number, pick: () => Place | undefined): string[] =>
  Array.from({ length: count }, () => pick()?.address ?? 'none');
const at = (place: Place | undefined): Place => {
  if (place === undefined) throw new Error('no place');
  return place;
};

describe('without a feed', () => {
  test('the URL is the only place, and is never avoided', () => {
    const { places } = world(undefined);
    const place = at(places.pick());
    expect(place.address).toBeUndefined();
    expect(places.avoid(place)).toBe(false);
    expect(places.pick()).toBe(place);
    expect(places.pickFor(7)).toBe(place);
    expect(places.pickForSession()).toBe(place);
  });

  test('a feed of which nothing has been heard is as none', () => {
    const feed = new FakeFeed();
    feed.current = undefined;
    const { places } = world(feed);
    const url = at(places.pick());
    expect(url.address).toBeUndefined();
    feed.say('a:1');
    expect(url.state).toBe('gone');
    expect(times(2, () => places.pick())).toEqual(['a:1', 'a:1']);
    feed.forget();
    expect(places.pick()?.address).toBeUndefined();
    expect(places.anyReady).toBe(true);
  });
});

describe('choosing', () => {
  test('each in turn while all are equally busy', () => {
    const { places } = world(new FakeFeed('a:1', 'b:1', 'c:1'));
    expect(times(6, () => places.pick()).toSorted()).toEqual(['a:1', 'a:1', 'b:1', 'b:1', 'c:1', 'c:1']);
  });

  test('the less busy of two', () => {
    const { places } = world(new FakeFeed('a:1', 'b:1'));
    const busy = at(places.pick());
    busy.inFlight = 3;
    expect(new Set(times(10, () => places.pick()))).toEqual(new Set([busy.address === 'a:1' ? 'b:1' : 'a:1']));
  });

  test('with calls of very different length none is loaded much more than the others', () => {
    let seed = 1;
    const { places } = world(new FakeFeed('a:1', 'b:1', 'c:1', 'd:1', 'e:1'), () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    });
    // `a` takes ten times as long; what is under way ends in the order of its time.
    const under: { place: Place; until: number }[] = [];
    let most = 0;
    for (let now = 0; now < 5_000; now++) {
      for (const one of under.splice(0)) {
        if (one.until > now) under.push(one);
        else one.place.inFlight--;
      }
      const place = at(places.pick());
      place.inFlight++;
      most = Math.max(most, place.inFlight);
      under.push({ place, until: now + (place.address === 'a:1' ? 100 : 10) });
    }
    // Turn by turn alone would leave 20 at `a`.
    expect(most).toBeLessThan(12);
  });

  test('a caller stays, and moves only when its own place goes', () => {
    const feed = new FakeFeed('a:1', 'b:1', 'c:1');
    const { places } = world(feed);
    const callers = Array.from({ length: 300 }, (_, n) => Math.imul(n + 1, 0x9e3779b1) >>> 0);
    const before = callers.map((hash) => places.pickFor(hash)?.address);
    for (const address of ['a:1', 'b:1', 'c:1'])
      expect(before.filter((one) => one === address).length).toBeGreaterThan(60);
    expect(callers.map((hash) => places.pickFor(hash)?.address)).toEqual(before);
    feed.say('a:1', draining('b:1'), 'c:1');
    const after = callers.map((hash) => places.pickFor(hash)?.address);
    for (const [n, address] of before.entries())
      if (address === 'b:1') expect(after[n]).not.toBe('b:1');
      else expect(after[n]).toBe(address);
    // On another hub, told in another order, the same.
    const other = world(new FakeFeed('c:1', 'a:1', 'b:1')).places;
    expect(callers.map((hash) => other.pickFor(hash)?.address)).toEqual(before);
  });

  test('a session goes where the fewest are', () => {
    const { places } = world(new FakeFeed('a:1', 'b:1', 'c:1'));
    for (let n = 0; n < 9; n++) at(places.pickForSession()).sessions++;
    expect(times(3, () => places.pick()).map((_, n) => n)).toEqual([0, 1, 2]);
    const counts = new Set<number>();
    for (let n = 0; n < 3; n++) counts.add(at(places.pick()).sessions);
    expect(counts).toEqual(new Set([3]));
  });

  test('only replicas that are ready', () => {
    const feed = new FakeFeed(starting('a:1'), draining('b:1'));
    const { places } = world(feed);
    expect(places.pick()).toBeUndefined();
    expect(places.pickFor(1)).toBeUndefined();
    expect(places.pickForSession()).toBeUndefined();
    expect(places.anyReady).toBe(false);
    expect(places.starting()?.address).toBe('a:1');
    feed.say('a:1');
    expect(places.pick()?.address).toBe('a:1');
    expect(places.starting()).toBeUndefined();
  });

  test('of endless replicas a bounded number', () => {
    const many = Array.from({ length: httpLimits.places + 1 }, (_, n) => `a:${n}`);
    const { places } = world(new FakeFeed(...many));
    expect(new Set(times(2_000, () => places.pick())).size).toBe(httpLimits.places);
  });
});

describe('leaving', () => {
  test('one that drains gets nothing from that moment; its idle connections go after everybody has turned away', () => {
    const feed = new FakeFeed('a:1', 'b:1');
    const { places, leased } = world(feed);
    const [a, b] = [at(places.pick()), at(places.pick())].toSorted((x, y) =>
      String(x.address) < String(y.address) ? -1 : 1,
    );
    if (a === undefined || b === undefined) throw new Error('two places');
    void a.calls;
    void b.calls;
    let told = 0;
    places.onChange(() => {
      told++;
      expect(leased).not.toContain('close a:1');
      expect(places.pick()).toBe(b);
    });
    feed.say(draining('a:1'), 'b:1');
    expect(told).toBe(1);
    expect(leased).toEqual(['open a:1', 'open b:1', 'close a:1']);
    // Last words go over a connection of their own, which ends with the place.
    void a.calls;
    feed.say('b:1');
    expect(told).toBe(1);
    expect(leased.slice(3)).toEqual(['open a:1', 'close a:1']);
  });

  test('what is not about ready replicas is told to nobody', () => {
    const feed = new FakeFeed('a:1');
    const { places } = world(feed);
    let told = 0;
    const stop = places.onChange(() => told++);
    feed.say('a:1', starting('b:1'));
    feed.say('a:1');
    feed.say('a:1', draining('c:1'));
    expect(told).toBe(0);
    feed.say('a:1', 'd:1');
    expect(told).toBe(1);
    stop();
    feed.say();
    expect(told).toBe(1);
  });

  test('an address that comes back is another place', () => {
    const feed = new FakeFeed('a:1');
    const { places } = world(feed);
    const old = at(places.pick());
    old.inFlight = 1;
    feed.say();
    feed.say('a:1');
    expect(old.state).toBe('gone');
    expect(places.pick()).not.toBe(old);
  });

  test('with its last holder everything goes, and comes back with the next', () => {
    const feed = new FakeFeed('a:1');
    const { places, leased, release } = world(feed);
    const second = places.hold();
    void at(places.pick()).calls;
    release();
    release();
    expect(places.anyReady).toBe(true);
    second();
    expect(places.anyReady).toBe(false);
    expect(leased).toEqual(['open a:1', 'close a:1']);
    expect(feed.subscribers).toBe(0);
    feed.say('b:1');
    releases.push(places.hold());
    expect(places.pick()?.address).toBe('b:1');
  });
});

describe('avoiding', () => {
  test('one that cannot be reached gets nothing for a while that grows, as long as there are others', async () => {
    const { places, clock } = world(new FakeFeed('a:1', 'b:1'));
    const a = at(places.pick());
    for (const pause of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      expect(places.avoid(a)).toBe(true);
      await clock.advance(pause - 1);
      expect(times(4, () => places.pick())).not.toContain(a.address);
      await clock.advance(1);
      expect(times(4, () => places.pick())).toContain(a.address);
    }
  });

  test('the last one is not avoided; those avoided before are tried instead', () => {
    const { places } = world(new FakeFeed('a:1', 'b:1'));
    const [a, b] = [at(places.pick()), at(places.pick())];
    expect(places.avoid(a)).toBe(true);
    expect(places.avoid(b)).toBe(true);
    expect(times(3, () => places.pick())).toEqual([a.address, a.address, a.address]);
    expect(places.avoid(a)).toBe(true);
    expect(places.pick()).toBe(b);
  });

  test('one that is avoided is better than none: the others have gone', () => {
    const feed = new FakeFeed('a:1', 'b:1');
    const { places } = world(feed);
    const a = at(places.pick());
    const other = a.address === 'a:1' ? 'b:1' : 'a:1';
    places.avoid(a);
    let left: Place | undefined;
    places.onChange(() => (left = places.pick()));
    feed.say(String(a.address), draining(other));
    expect(left).toBe(a);
    expect(places.anyReady).toBe(true);
  });

  test('a place that left needs no avoiding; its timer goes with it', async () => {
    const feed = new FakeFeed('a:1', 'b:1');
    const { places, clock } = world(feed);
    const a = at(places.pick());
    places.avoid(a);
    feed.say(...(['a:1', 'b:1'] as const).filter((one) => one !== a.address));
    expect(a.stopAvoiding).toBeUndefined();
    await clock.advance(60_000);
    expect(times(2, () => places.pick())).not.toContain(a.address);
    expect(places.avoid(a)).toBe(true);
    expect(a.stopAvoiding).toBeUndefined();
  });
});
