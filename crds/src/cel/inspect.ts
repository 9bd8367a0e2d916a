/**
 * Looks at a parsed expression before it may run: which functions it calls, whether it reads `oldSelf`, how deep its loops nest.
 *
 * Without it an unknown function would pass parsing and planning and fail only on the day its branch is reached, and a rule that uses
 * what the API server does not have would be found there first.
 */
import type { parse } from '@bufbuild/cel';

type Parsed = ReturnType<typeof parse>;
type Expression = NonNullable<Parsed['expr']>;

export interface Inspection {
  readonly unknownFunctions: readonly string[];
  readonly identifiers: ReadonlySet<string>;
  readonly loopDepth: number;
}

/**
 * What both the API server and our evaluator offer with equal results. Deliberately smaller than either: see the CRD rules of the
 * Kubernetes CEL libraries. `@not_strictly_false` comes out of the macros.
 */
const portableFunctions = new Set([
  '_&&_',
  '_||_',
  '!_',
  '@not_strictly_false',
  '_?_:_',
  '_==_',
  '_!=_',
  '_<_',
  '_<=_',
  '_>_',
  '_>=_',
  '@in',
  '_+_',
  '_-_',
  '_*_',
  '_/_',
  '_%_',
  '-_',
  '_[_]',
  'size',
  'matches',
  'contains',
  'startsWith',
  'endsWith',
  'int',
  'string',
  'duration',
  'timestamp',
  'charAt',
  'indexOf',
  'join',
  'lowerAscii',
  'replace',
  'split',
  'substring',
  'trim',
  'upperAscii',
]);

export function inspect(parsed: Parsed): Inspection {
  const unknown = new Set<string>();
  const identifiers = new Set<string>();
  const visit = (node: Expression | undefined, loops: number): number => {
    const kind = node?.exprKind;
    switch (kind?.case) {
      case 'identExpr':
        identifiers.add(kind.value.name);
        return loops;
      case 'selectExpr':
        return visit(kind.value.operand, loops);
      case 'callExpr': {
        if (!portableFunctions.has(kind.value.function)) unknown.add(kind.value.function);
        return deepest([kind.value.target, ...kind.value.args], loops);
      }
      case 'listExpr':
        return deepest(kind.value.elements, loops);
      case 'structExpr':
        return deepest(
          kind.value.entries.flatMap((entry) => [
            entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined,
            entry.value,
          ]),
          loops,
        );
      case 'comprehensionExpr': {
        const { iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
        return Math.max(deepest([iterRange, accuInit, result], loops), deepest([loopCondition, loopStep], loops + 1));
      }
      default:
        return loops;
    }
  };
  const deepest = (nodes: readonly (Expression | undefined)[], loops: number): number =>
    Math.max(loops, ...nodes.map((node) => visit(node, loops)));
  const loopDepth = visit(parsed.expr, 0);
  return { unknownFunctions: [...unknown].toSorted(), identifiers, loopDepth };
}
