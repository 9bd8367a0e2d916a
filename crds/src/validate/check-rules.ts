/**
 * The CEL half of validation: every `x-kubernetes-validations` rule of the schema on the part of the object it stands at.
 *
 * As in the API server it runs only on an object whose structure is right, sees the object with its defaults, and runs transition rules
 * (`oldSelf`) only on an update. What a schema put there itself is not judged again: an API server refuses a definition whose default breaks
 * a rule, and a test does the same. What plainly holds needs no evaluator.
 */
import type { Cel, CompiledRule, toCel } from '../cel/index.ts';
import { applyDefaults, childSchema, isPlainObject } from '../structural/index.ts';
import type { StructuralSchema, ValidationRule } from '../structural/index.ts';
import { join } from './check-structure.ts';
import type { Issue } from './issue.ts';
import { plainlyHolds, type PlainRule } from './plainly-holds.ts';

/** One place of the object. */
interface Place {
  readonly schema: StructuralSchema;
  /** As the user wrote it: undefined and null are nothing of the user's. */
  readonly written: unknown;
  /** With defaults. */
  readonly value: unknown;
  readonly old: unknown;
  readonly path: string;
}

/** What runs the rules of which it is not plain that they hold. It is large, so whoever needs it loads it. */
export interface Evaluator {
  readonly cel: Cel;
  readonly toCel: typeof toCel;
}

export class RuleChecker {
  readonly #evaluator: Evaluator | undefined;
  /** Bounded by the number of rules in our own schemas, like the next. */
  readonly #compiled = new Map<string, CompiledRule>();
  readonly #shapes = new Map<string, PlainRule | undefined>();

  /** Without an evaluator `check` throws at the first rule that needs one; `needsEvaluator` tells before. */
  constructor(evaluator: Evaluator | undefined) {
    this.#evaluator = evaluator;
  }

  /** `written` and `old` are without defaults. */
  check(schema: StructuralSchema, written: unknown, old: unknown, path: string): Issue[] {
    const issues: Issue[] = [];
    this.#visit(whole(schema, written, old, path), (rule, place) => {
      const fault = this.#evaluate(rule, place);
      if (fault !== undefined) issues.push({ path: place.path, code: 'rule', message: fault, next: '' });
    });
    return issues;
  }

  needsEvaluator(schema: StructuralSchema, written: unknown): boolean {
    let needed = false;
    this.#visit(whole(schema, written, undefined, ''), () => {
      needed = true;
    });
    return needed;
  }

  /** Every rule of which it is not plain that it holds, and where it stands. */
  #visit(place: Place, found: (rule: ValidationRule, place: Place) => void): void {
    const { schema, written, value, old, path } = place;
    if (written === null || written === undefined) return;
    for (const rule of schema['x-kubernetes-validations'] ?? [])
      if (this.#shape(rule.rule)?.(value) !== true) found(rule, place);
    if (Array.isArray(written) && Array.isArray(value)) {
      const { items } = schema;
      if (items === undefined) return;
      for (const [index, entry] of value.entries()) {
        const before = matching(schema, entry, old);
        this.#visit(
          { schema: items, written: written[index], value: entry, old: before, path: `${path}[${index}]` },
          found,
        );
      }
    } else if (isPlainObject(written) && isPlainObject(value)) {
      for (const [name, entry] of Object.entries(written)) {
        const child = childSchema(schema, name);
        if (child === undefined) continue;
        const before = isPlainObject(old) ? old[name] : undefined;
        this.#visit({ schema: child, written: entry, value: value[name], old: before, path: join(path, name) }, found);
      }
    }
  }

  /** The message of a broken rule. */
  #evaluate({ rule, message }: ValidationRule, { schema, value, old }: Place): string | undefined {
    const evaluator = this.#evaluator;
    if (evaluator === undefined)
      throw new Error(`the rule ${JSON.stringify(rule)} needs an evaluator, and none was loaded`);
    const compiled = this.#rule(rule, evaluator);
    if (compiled.transition && old === undefined) return undefined;
    const self = evaluator.toCel(schema, value);
    const verdict = compiled.evaluate(old === undefined ? { self } : { self, oldSelf: evaluator.toCel(schema, old) });
    if ('error' in verdict) return `${message} (the rule could not be evaluated: ${verdict.error})`;
    return verdict.holds ? undefined : message;
  }

  #rule(expression: string, { cel }: Evaluator): CompiledRule {
    let compiled = this.#compiled.get(expression);
    if (compiled === undefined) {
      compiled = cel.compileRule(expression);
      this.#compiled.set(expression, compiled);
    }
    return compiled;
  }

  #shape(expression: string): PlainRule | undefined {
    if (!this.#shapes.has(expression)) this.#shapes.set(expression, plainlyHolds(expression));
    return this.#shapes.get(expression);
  }
}

function whole(schema: StructuralSchema, written: unknown, old: unknown, path: string): Place {
  const before = old === undefined ? undefined : applyDefaults(schema, old);
  return { schema, written, value: applyDefaults(schema, written), old: before, path };
}

/** The old item of a list that corresponds to a new one: only lists of type `map` have such a thing. */
function matching(schema: StructuralSchema, entry: unknown, old: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (keys === undefined || !Array.isArray(old) || !isPlainObject(entry)) return undefined;
  return old.find((candidate) => isPlainObject(candidate) && keys.every((key) => candidate[key] === entry[key]));
}
