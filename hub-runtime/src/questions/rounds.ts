/** Rounds of questions as 2026-07-28 writes them: read, made, answered. Pure; runs only for requests with questions. */
import {
  emptyObject,
  memberRaw,
  memberString,
  missingCapability,
  objectRaw,
  quoted,
  type RawJson,
  type RequiredCapabilities,
  type ScannedObject,
  scanArray,
  scanObject,
  tokensWanted,
} from '../wire/index.ts';

export interface RoundQuestion {
  readonly key: string;
  readonly method: string;
  readonly params: RawJson;
}

export interface Round {
  readonly questions: readonly RoundQuestion[];
  /** The server's own state, raw. */
  readonly state: RawJson | undefined;
  /** What the client did not declare; undefined: it can be asked all of it. */
  readonly missing: RequiredCapabilities | undefined;
  /** Of the client's model, asked for in it. */
  readonly tokens: number;
}

/** Questions of one round. */
const mostQuestions = 100;
const unbounded = { depth: 4_096, nodes: Number.MAX_SAFE_INTEGER } as const;

/** A string: what is wrong with it. `declared`: the client's capabilities. */
export function readRound(result: ScannedObject, declared: RawJson): Round | string {
  const state = memberRaw(result, 'requestState');
  if (state !== undefined && state.charCodeAt(0) !== 34) return 'its requestState is no string';
  const raw = memberRaw(result, 'inputRequests');
  if (raw === undefined)
    return state === undefined ? 'it asks nothing' : { questions: [], state, missing: undefined, tokens: 0 };
  const requests = scanObject(raw, unbounded);
  if (requests === undefined) return 'its inputRequests is no object';
  if (requests.members.length > mostQuestions) return `it asks more than ${mostQuestions} questions at once`;
  const questions: RoundQuestion[] = [];
  const missing: Record<string, Record<string, object>> = {};
  let tokens = 0;
  for (const { key, start, end } of requests.members) {
    const request = scanObject(requests.raw.slice(start, end) as RawJson, unbounded);
    const method = memberString(request, 'method');
    if (method === undefined) return 'one of its inputRequests has no method';
    const given = memberRaw(request, 'params');
    const params = given === undefined ? undefined : scanObject(given, unbounded);
    const lacks = missingCapability(declared, method, params);
    for (const [name, parts] of Object.entries(lacks ?? {})) missing[name] = { ...missing[name], ...parts };
    tokens += tokensWanted(method, params);
    questions.push({ key, method, params: params === undefined ? emptyObject : objectRaw(params) });
  }
  return { questions, state, missing: Object.keys(missing).length === 0 ? undefined : missing, tokens };
}

/** What a client gave back, by key. Undefined: it is no object of objects. */
export function answersIn(params: ScannedObject | undefined): ReadonlyMap<string, RawJson> | undefined {
  const raw = memberRaw(params, 'inputResponses');
  if (raw === undefined) return new Map();
  const given = scanObject(raw, unbounded);
  if (given === undefined) return undefined;
  const answers = new Map<string, RawJson>();
  for (const { key, start, end } of given.members) {
    if (given.raw.charCodeAt(start) !== 123) return undefined;
    answers.set(key, given.raw.slice(start, end) as RawJson);
  }
  return answers;
}

/** The round that stands for a legacy error -32042: URLs to visit before the call is tried again. Undefined: the error names none. */
export function urlRound(data: RawJson | undefined): ScannedObject | undefined {
  const raw = data === undefined ? undefined : memberRaw(scanObject(data, unbounded), 'elicitations');
  const elicitations = raw === undefined ? undefined : scanArray(raw, unbounded);
  if (elicitations === undefined || elicitations.length === 0 || elicitations.length > mostQuestions) return undefined;
  const parts: string[] = [];
  for (const [at, one] of elicitations.entries()) {
    const scanned = scanObject(one, unbounded);
    const url = memberRaw(scanned, 'url');
    if (url === undefined || url.charCodeAt(0) !== 34) return undefined;
    const message = memberRaw(scanned, 'message') ?? '""';
    const params = `{"mode":"url","message":${message},"url":${url}}`;
    parts.push(`${quoted(`q${at + 1}`)}:{"method":"elicitation/create","params":${params}}`);
  }
  return scanObject(`{"resultType":"input_required","inputRequests":{${parts.join(',')}}}` as RawJson, unbounded);
}
