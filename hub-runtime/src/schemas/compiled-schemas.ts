/**
 * Schemas by number, compiled once each: what the checking thread works with (EF-23).
 *
 * JSON Schema 2020-12 unless `$schema` names an older draft (MCP server/tools: 2020-12 is the default). Nothing is fetched: a reference that
 * leads out of the schema makes it unusable, as do `$async`, unknown drafts and sizes beyond the limits. `format` is not judged, as the
 * specification leaves it an annotation. Patterns run in V8's own engine; one that never ends is ended with its thread, not here.
 */
import { Ajv, type AnySchemaObject, type Options } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';

import { explain } from './explain.ts';
import { schemaLimits } from './limits.ts';
import type { Verdict } from './thread-messages.ts';

type Draft = '2020-12' | '2019-09' | '07';
type Check = (value: unknown) => Verdict;

export class CompiledSchemas {
  readonly #judges = new Map<Draft, Ajv>();
  readonly #checks = new Map<number, Check>();

  /** `text`: the schema, wanted when the number is new. */
  check(schema: number, text: string | undefined, value: string): Verdict {
    let check = this.#checks.get(schema);
    if (check === undefined) {
      check = this.#compile(text);
      this.#checks.set(schema, check);
    }
    // A thread that runs out of memory in its own code ends alone; in JSON.parse it takes the whole process with it.
    if (isTooMany(value))
      return { kind: 'unusable', message: `the value has more than ${schemaLimits.valueNodes} parts` };
    let parsed: unknown;
    try {
      parsed = JSON.parse(value);
    } catch {
      return { kind: 'misfit', pointer: '', message: '(root) must be JSON' };
    }
    return check(parsed);
  }

  forget(schema: number): void {
    this.#checks.delete(schema);
  }

  #compile(text: string | undefined): Check {
    try {
      if (text === undefined) return unusable('it is not known');
      const schema = JSON.parse(text) as unknown;
      const fault = faultOf(schema, text);
      if (fault !== undefined) return unusable(fault);
      const draft = draftOf(schema as AnySchemaObject);
      if (draft === undefined) return unusable('its $schema names a draft that is not known here');
      const judge = this.#judge(draft);
      if (judge.validateSchema(schema as AnySchemaObject) !== true) {
        const { pointer, message } = explain(judge.errors ?? []);
        return unusable(`it is no JSON Schema at ${pointer === '' ? 'its root' : pointer}: ${message}`);
      }
      const validate = new drafts[draft](options).compile(schema as AnySchemaObject);
      return (value) => {
        try {
          if (validate(value) === true) return { kind: 'fits' };
          return { kind: 'misfit', ...explain(validate.errors ?? []) };
        } catch (error) {
          return { kind: 'unusable', message: `checking ended with: ${words(error)}` };
        }
      };
    } catch (error) {
      return unusable(words(error));
    }
  }

  /** Judges schemas themselves, and never holds one. */
  #judge(draft: Draft): Ajv {
    let judge = this.#judges.get(draft);
    if (judge === undefined) {
      judge = new drafts[draft]({ strict: false, logger: false, validateFormats: false });
      this.#judges.set(draft, judge);
    }
    return judge;
  }
}

const drafts = { '2020-12': Ajv2020, '2019-09': Ajv2019, '07': Ajv } as const;

/** Every schema gets a compiler of its own (a millisecond): in a shared one an `$id` inside one schema would lead references of another astray. */
const options: Options = {
  meta: false,
  validateSchema: false,
  strict: false,
  logger: false,
  validateFormats: false,
  allErrors: false,
  ownProperties: true,
  inlineRefs: false,
  // Optimising the generated code takes six times as long as generating it.
  code: { optimize: false, regExp: Object.assign(pattern, { code: 'pattern' }) },
};

/** JSON Schema asks for Unicode patterns; many that are out there work only without. */
function pattern(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (error) {
    if (!flags.includes('u')) throw error;
    return new RegExp(source, flags.replace('u', ''));
  }
}

/** Counts inside strings as well: rather too many than too few. */
function isTooMany(value: string): boolean {
  let parts = 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    // , [ {
    if ((code === 44 || code === 91 || code === 123) && ++parts > schemaLimits.valueNodes) return true;
  }
  return false;
}

function unusable(message: string): Check {
  const verdict: Verdict = { kind: 'unusable', message };
  return () => verdict;
}

function faultOf(schema: unknown, text: string): string | undefined {
  if (text.length > schemaLimits.schemaBytes) return `it is larger than ${schemaLimits.schemaBytes} bytes`;
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return 'it is no JSON object';
  return walk(schema, schemaLimits.schemaDepth);
}

/** Nesting, and `$async`: with it a check would answer "later" and count as passed. */
function walk(value: object, depth: number): string | undefined {
  if (depth === 0) return `it is nested deeper than ${schemaLimits.schemaDepth}`;
  if (Object.hasOwn(value, '$async')) return 'it uses $async';
  for (const inner of Object.values(value) as unknown[]) {
    const fault = typeof inner === 'object' && inner !== null ? walk(inner, depth - 1) : undefined;
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function draftOf(schema: AnySchemaObject): Draft | undefined {
  const named: unknown = schema.$schema;
  if (named === undefined) return '2020-12';
  if (typeof named !== 'string') return undefined;
  const found = /^https?:\/\/json-schema\.org\/(?:draft\/(2020-12|2019-09)|draft-(0[67]))\/schema#?$/.exec(named);
  if (found === null) return undefined;
  return found[1] === undefined ? '07' : (found[1] as Draft);
}

function words(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.length > schemaLimits.explanation ? `${text.slice(0, schemaLimits.explanation - 1)}…` : text;
}
