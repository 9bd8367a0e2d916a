/** Questions, answers and the digest that binds a retry to its request. Input: `{"a":{params}, "b":{params}}`. */
import { answersIn, canonicalDigest, readRound, urlRound } from '../../../hub-runtime/src/questions/index.ts';
import {
  memberRaw,
  objectRaw,
  type RawJson,
  scanObject,
  type ScannedObject,
} from '../../../hub-runtime/src/wire/index.ts';
import { hold, type Target } from '../engine/target.ts';
import { isObject, own, parsed, same } from './reference.ts';

const all = '{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{}}' as RawJson;

export const rounds: Target = {
  name: 'rounds',
  seeds: [
    '{"a":{"name":"t","arguments":{"x":1,"y":[2]}},"b":{"arguments":{"y":[2.0],"x":1e0},"name":"\\u0074"}}',
    '{"a":{"inputRequests":{"k":{"method":"elicitation/create","params":{"mode":"url"}},"l":{"method":"roots/list"}},"requestState":"s"}}',
    '{"a":{"inputResponses":{"k":{"action":"accept"}},"requestState":"s"},"b":{}}',
    '{"a":{"elicitations":[{"mode":"url","url":"https://x","message":"m","elicitationId":"1"}]}}',
    '{"a":{"__proto__":{"x":1}},"b":{"arguments":{"__proto__":1,"1":2,"0":3}}}',
  ],
  dictionary: [
    '"inputRequests":{',
    '"inputResponses":{',
    '"requestState":"x"',
    '"elicitations":[{"url":"u"}]',
    '"method":"sampling/createMessage"',
    '"__proto__":',
    '"constructor":',
    '"_meta":{},',
    '"arguments":{',
    '"\\u0061"',
    '1e2',
    '100',
    '{"":',
  ],
  run(input) {
    const outer = parsed(input) === undefined ? undefined : scanObject(input as RawJson);
    const [one, other] = ['a', 'b'].map((key) => {
      const raw = memberRaw(outer, key);
      return raw === undefined ? undefined : scanObject(raw);
    });
    if (one === undefined) return;
    const round = readRound(one, all);
    if (typeof round !== 'string')
      for (const { params, method } of round.questions)
        hold(isObject(parsed(params)?.value) && method !== undefined, 'a question has a method and an object');
    const answers = answersIn(one);
    for (const [, raw] of answers ?? []) hold(isObject(parsed(raw)?.value), 'an answer is an object');
    const urls = urlRound(one.raw);
    if (urls !== undefined)
      hold(isObject(own(parsed(objectRaw(urls))?.value, 'inputRequests')), 'a round made of an error is one');
    const digest = canonicalDigest('m', one);
    hold(canonicalDigest('m', scanObject(spaced(one))) === digest, 'the spaces of a request do not matter');
    if (isPlain(one))
      hold(canonicalDigest('m', scanObject(writtenAnew(one))) === digest, 'the spelling of a request does not matter');
    if (other === undefined) return;
    const isSame = same(asked(one), asked(other));
    if (canonicalDigest('m', other) === digest) hold(isSame, 'what is asked does');
    else if (isPlain(one) && isPlain(other)) hold(!isSame, 'equal requests are one');
  },
};

const stringOrMark = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;
const numbers = /-?\d[\d.eE+-]*/g;
/** Neither -0 nor more digits than a double has. */
const plainNumber = /^(?!-0(?:\.0*)?(?:[eE]|$))-?\d{1,8}(?:\.\d{1,6})?(?:[eE][+-]?\d{1,2})?$/;

function spaced(object: ScannedObject): RawJson {
  return objectRaw(object).replace(stringOrMark, (token) => ` ${token}\n\t`) as RawJson;
}

/** What JavaScript's own reader tells apart as the hub does: no key twice, numbers that are doubles. */
function isPlain(object: ScannedObject): boolean {
  const text = objectRaw(object);
  let written = 0;
  const rest = text.replace(stringOrMark, (token) => {
    if (token === ':') written++;
    return ' ';
  });
  return written === keysIn(parsed(text)?.value) && (rest.match(numbers) ?? []).every((one) => plainNumber.test(one));
}

function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce((sum: number, one) => sum + keysIn(one), 0);
  return Array.isArray(value) ? inside : inside + Object.keys(value).length;
}

/** Through JavaScript's own reader and writer. */
function writtenAnew(object: ScannedObject): RawJson {
  const text = JSON.stringify(parsed(objectRaw(object))?.value, undefined, 1);
  return Buffer.from(text, 'utf8').toString('latin1') as RawJson;
}

function asked(object: ScannedObject): unknown {
  const value = parsed(objectRaw(object))?.value;
  const kept = Object.entries(isObject(value) ? value : {}).filter(
    ([key]) => key !== '_meta' && key !== 'inputResponses' && key !== 'requestState',
  );
  return new Map(kept);
}
