/**
 * The CEL half of validation: every `x-kubernetes-validations` rule of the schema on the part of the object it stands at.
 *
 * As in the API server it runs only on an object whose structure is right, and transition rules (`oldSelf`) only on an update.
 */
import type { Cel, CompiledRule } from '../cel/index.ts';
import { toCel } from '../cel/index.ts';
import { childSchema, isPlainObject } from '../structural/index.ts';
import type { StructuralSchema } from '../structural/index.ts';
import { join } from './check-structure.ts';
import type { Issue } from './issue.ts';

export class RuleChecker {
  readonly #cel: Cel;
  /** Bounded by the number of rules in our own schemas. */
  readonly #compiled = new Map<string, CompiledRule>();

  constructor(cel: Cel) {
    this.#cel = cel;
  }

  check(schema: StructuralSchema, value: unknown, old: unknown, path: string): Issue[] {
    const issues: Issue[] = [];
    this.#visit(schema, value, old, path, issues);
    return issues;
  }

  #visit(schema: StructuralSchema, value: unknown, old: unknown, path: string, issues: Issue[]): void {
    if (value === null || value === undefined) return;
    const rules = schema['x-kubernetes-validations'];
    if (rules !== undefined) {
      const self = toCel(schema, value);
      for (const { rule, message } of rules) {
        const compiled = this.#rule(rule);
        if (compiled.transition && old === undefined) continue;
        const verdict = compiled.evaluate(old === undefined ? { self } : { self, oldSelf: toCel(schema, old) });
        if ('error' in verdict)
          issues.push({
            path,
            code: 'rule',
            message: `${message} (the rule could not be evaluated: ${verdict.error})`,
            next: '',
          });
        else if (!verdict.holds) issues.push({ path, code: 'rule', message, next: '' });
      }
    }
    if (Array.isArray(value)) {
      const { items } = schema;
      if (items !== undefined)
        for (const [index, entry] of value.entries())
          this.#visit(items, entry, matching(schema, entry, old), `${path}[${index}]`, issues);
    } else if (isPlainObject(value)) {
      for (const [name, entry] of Object.entries(value)) {
        const child = childSchema(schema, name);
        if (child !== undefined)
          this.#visit(child, entry, isPlainObject(old) ? old[name] : undefined, join(path, name), issues);
      }
    }
  }

  #rule(expression: string): CompiledRule {
    let compiled = this.#compiled.get(expression);
    if (compiled === undefined) {
      compiled = this.#cel.compileRule(expression);
      this.#compiled.set(expression, compiled);
    }
    return compiled;
  }
}

/** The old item of a list that corresponds to a new one: only lists of type `map` have such a thing. */
function matching(schema: StructuralSchema, entry: unknown, old: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (keys === undefined || !Array.isArray(old) || !isPlainObject(entry)) return undefined;
  return old.find((candidate) => isPlainObject(candidate) && keys.every((key) => candidate[key] === entry[key]));
}
