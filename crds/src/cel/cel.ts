/**
 * CEL as the API server evaluates it in CRD rules: rules are compiled once and give a verdict, never an exception.
 *
 * Refuses at compile time: what does not parse, functions outside the portable set, expressions over 2,048 characters, loops nested
 * deeper than 2 (nothing meters the cost of a run). Regular expressions run on RE2 in linear time; patterns are cached, at most 256.
 * An expression that errs while running counts as a failed rule, as it does in Kubernetes.
 */
import { CelScalar, celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import type { CelInput } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { RE2JS } from 're2js';
import { inspect } from './inspect.ts';
import { LruMap } from './lru.ts';

const longestExpression = 2_048;
const deepestLoops = 2;
const mostPatterns = 256;

export interface RuleBindings {
  readonly self: CelInput;
  readonly oldSelf?: CelInput;
}

export type Verdict = { readonly holds: boolean } | { readonly error: string };

export interface CompiledRule {
  readonly expression: string;
  /** Reads `oldSelf`: a transition rule, which has nothing to say when an object is created. */
  readonly transition: boolean;
  evaluate(bindings: RuleBindings): Verdict;
}

/** Why an expression was refused. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}

export interface Cel {
  /** Throws RuleError. */
  compileRule(expression: string): CompiledRule;
}

export function createCel(): Cel {
  const patterns = new LruMap<string, RE2JS>(mostPatterns);
  const env = celEnv({
    variables: { self: CelScalar.DYN, oldSelf: CelScalar.DYN },
    funcs: [...strings],
    re2: {
      compile: (pattern) => {
        const compiled = patterns.getOrMake(pattern, (source) => RE2JS.compile(source));
        return { test: (text) => compiled.matcher(text).find() };
      },
    },
  });

  const compileRule = (expression: string): CompiledRule => {
    if (expression.length > longestExpression)
      throw new RuleError(`the expression has more than ${longestExpression} characters`);
    try {
      const parsed = parse(expression);
      const { unknownFunctions, identifiers, loopDepth } = inspect(parsed);
      if (unknownFunctions.length > 0) throw new RuleError(`unknown function ${unknownFunctions.join(', ')}`);
      if (loopDepth > deepestLoops) throw new RuleError(`loops are nested deeper than ${deepestLoops}`);
      const run = plan(env, parsed);
      const evaluate = ({ self, oldSelf }: RuleBindings): Verdict => {
        const result = run({ self, oldSelf: oldSelf ?? null });
        if (isCelError(result)) return { error: result.message };
        return typeof result === 'boolean' ? { holds: result } : { error: 'the rule does not give true or false' };
      };
      return { expression, transition: identifiers.has('oldSelf'), evaluate };
    } catch (error) {
      if (error instanceof RuleError) throw error;
      // A deeply nested expression ends in a RangeError of the parser; for the writer that is a parse error like any other.
      throw new RuleError(
        `does not parse: ${error instanceof RangeError ? 'nested too deeply' : (error as Error).message}`,
        { cause: error },
      );
    }
  };
  return { compileRule };
}
