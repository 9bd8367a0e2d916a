/**
 * Arguments before and structured results after a call, against the schemas of the tool (EF-23). Runs only for servers with
 * `spec.tools.validate`; all other calls never come here.
 *
 * `enforce`: what does not fit, and what cannot be checked, ends the call as a tool error; arguments then never reach the server. `warn`: it is
 * counted and logged, and the call goes on. Results are judged as the server sent them, before the hub's own edits.
 */
import type { Logger } from '../base/index.ts';
import { type ErrorOutcome, type Exchange, hubError, type Outcome, type ToolChecks } from '../exchange/index.ts';
import type { Observer } from '../observe/index.ts';
import { type CheckVerdict, type SchemaChecker, schemaLimits } from '../schemas/index.ts';
import { decodeText, emptyObject, memberRaw, memberString, type RawJson, type ScannedObject } from '../wire/index.ts';
import { toolError } from './tool-error.ts';

export interface SchemaChecksDeps {
  readonly log: Logger;
  readonly observer: Observer;
  readonly schemas?: SchemaChecker | undefined;
}

type Side = 'arguments' | 'result';

const nobody: CheckVerdict = { kind: 'unusable', message: 'nothing here can check schemas' };
const missing: CheckVerdict = {
  kind: 'misfit',
  pointer: '',
  message: '(root) there is no structuredContent, which a tool with an outputSchema must give',
};

export class SchemaChecks {
  readonly #deps: SchemaChecksDeps;

  constructor(deps: SchemaChecksDeps) {
    this.#deps = deps;
  }

  /** What the caller gets instead, or undefined: the call goes on. */
  async ofArguments(exchange: Exchange, server: string, checks: ToolChecks): Promise<Outcome | undefined> {
    const given = memberRaw(exchange.params, 'arguments') ?? emptyObject;
    return this.#judge(await this.#check(checks.input, given), 'arguments', exchange, server, checks);
  }

  /** What the caller gets instead, or undefined: the result may pass. */
  async ofResult(
    result: ScannedObject,
    exchange: Exchange,
    server: string,
    checks: ToolChecks,
  ): Promise<Outcome | undefined> {
    // A failure has nothing to structure; a task or another kind of result is not the tool's own yet.
    if (checks.output === undefined || memberRaw(result, 'isError') === 'true' || !isFinal(result)) return undefined;
    const structured = memberRaw(result, 'structuredContent');
    const verdict = structured === undefined ? missing : await this.#check(checks.output, structured);
    return this.#judge(verdict, 'result', exchange, server, checks);
  }

  #check(schema: RawJson, value: RawJson): Promise<CheckVerdict> {
    return this.#deps.schemas?.check(schema, value) ?? Promise.resolve(nobody);
  }

  #judge(
    verdict: CheckVerdict,
    side: Side,
    exchange: Exchange,
    server: string,
    { mode }: ToolChecks,
  ): Outcome | undefined {
    if (verdict.kind === 'fits') return undefined;
    const { log, observer } = this.#deps;
    const message = verdict.kind === 'busy' ? 'too many checks are waiting' : verdict.message;
    observer.count('schemaMisfits', server);
    if (mode === 'warn') {
      const tool = decodeText(memberString(exchange.params, 'name') ?? '').slice(0, 128);
      log.warn(
        { server, tool, side, verdict: verdict.kind, reason: message },
        'a call does not fit the schemas of its tool',
      );
      return undefined;
    }
    return refusal(verdict, message, side, exchange, server);
  }
}

function refusal(
  verdict: CheckVerdict,
  message: string,
  side: Side,
  { caller }: Exchange,
  server: string,
): Outcome | ErrorOutcome {
  if (verdict.kind === 'busy')
    return hubError('QM_OVERLOADED', { limit: schemaLimits.waiting, what: 'checks of schemas' });
  if (verdict.kind === 'misfit')
    return toolError(caller, side === 'arguments' ? 'QM_ARGUMENTS_INVALID' : 'QM_RESULT_INVALID', {
      server,
      reason: message,
    });
  return toolError(caller, 'QM_SCHEMA_UNUSABLE', { server, reason: `the schema of the ${side}: ${message}` });
}

/** `resultType` is the modern word for what kind of result this is; `task` marks a legacy one that is to be fetched later. */
function isFinal(result: ScannedObject): boolean {
  const type = memberRaw(result, 'resultType');
  return (type === undefined || type === '"complete"') && memberRaw(result, 'task') === undefined;
}
