/**
 * A failure told as the result of a tool (EF-24): what the model can read and act on, unlike a protocol error, which ends with its client.
 *
 * Code, severity and whether to repeat are the table's and stand in `_meta`, so that a program need not read the sentence.
 */
import { type ErrorCode, type ErrorRow, errorTable } from '../base/index.ts';
import type { Caller, ReadyOutcome } from '../exchange/index.ts';
import { metaKey, type RawJson, rawOf } from '../wire/index.ts';

export function toolError(
  caller: Caller,
  code: ErrorCode,
  detail: Readonly<Record<string, string | number>>,
): ReadyOutcome {
  const { say, next, severity, retry }: ErrorRow = errorTable[code];
  const content = rawOf([{ type: 'text', text: `${say(detail)}\n${next}` }]);
  const meta = rawOf({ [metaKey.error]: { code, severity, retry } });
  const type = caller.era === 'modern' ? '"resultType":"complete",' : '';
  const result = `{${type}"content":${content},"isError":true,"_meta":${meta}}` as RawJson;
  return { kind: 'ready', result, errorCode: code };
}
