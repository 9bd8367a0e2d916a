import { expect, test } from 'vitest';

import type { RawJson } from '../../wire/index.ts';
import { PassingBody } from './passing-body.ts';

function stage() {
  const log: string[] = [];
  const body = new PassingBody({
    pause: () => void log.push('pause'),
    resume: () => void log.push('resume'),
    abort: (reason) => void log.push(`abort ${reason}`),
  });
  body.onEnd((how) => log.push(how));
  const sink = {
    data: (text: RawJson) => void log.push(text),
    end: () => void log.push('end'),
    failed: (reason: string) => void log.push(`failed ${reason}`),
  };
  return { body, log, sink };
}

test('HT-5.12 it stands still until somebody reads, who gets what had come before', () => {
  const { body, log, sink } = stage();
  body.data('a' as RawJson);
  body.data('b' as RawJson);
  expect([log, body.standsStill]).toEqual([['pause'], true]);
  body.start(sink);
  body.data('c' as RawJson);
  body.complete();
  expect([log, body.bytes]).toEqual([['pause', 'ab', 'resume', 'c', 'complete', 'end'], 3]);
});

test('pause and resume reach the connection once each', () => {
  const { body, log, sink } = stage();
  body.resume();
  body.start(sink);
  body.resume();
  body.pause();
  body.pause();
  body.resume();
  expect(log).toEqual(['pause', 'resume', 'pause', 'resume']);
});

test('it was complete, or lost, before somebody read', () => {
  const whole = stage();
  whole.body.data('a' as RawJson);
  whole.body.complete();
  whole.body.start(whole.sink);
  expect(whole.log).toEqual(['pause', 'complete', 'a', 'end']);
  const lost = stage();
  lost.body.failed('reset');
  lost.body.start(lost.sink);
  expect(lost.log).toEqual(['pause', 'failed', 'failed reset']);
});

test('nobody wants it: the request is given up once, and it says how it ended to whoever asks later', () => {
  const { body, log, sink } = stage();
  body.data('a' as RawJson);
  body.abort('gone');
  body.abort('again');
  body.failed('late');
  body.data('b' as RawJson);
  body.pause();
  body.onEnd((how) => log.push(`later ${how}`));
  body.start(sink);
  expect(log).toEqual(['pause', 'aborted', 'abort gone', 'later aborted', 'failed gone']);
  expect(body.isOver).toBe(true);
});
