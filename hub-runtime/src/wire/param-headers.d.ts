import { type RawJson } from './raw.ts';
export interface ParamHeader {
  /** Full header name in lower case, `mcp-param-region`. */
  readonly header: string;
  /** Keys from the root of `arguments`. */
  readonly path: readonly string[];
  readonly type: 'string' | 'integer' | 'boolean';
}
export type ParamHeaders =
  | {
      readonly headers: readonly ParamHeader[];
    }
  | {
      readonly fault: string;
    };
/** What a tool's inputSchema declares. Cheap when the schema never says `x-mcp-header`. */
export declare function paramHeadersOf(inputSchema: RawJson): ParamHeaders;
/** Headers for a call on its way to a server: names and encoded values. Absent or null arguments give none. */
export declare function paramHeaderValues(
  declared: readonly ParamHeader[],
  args: RawJson | undefined,
): readonly (readonly [name: string, value: string])[];
/** Why headers and arguments of an incoming call disagree; undefined when they agree. Headers nobody declared are ignored. */
export declare function paramHeaderFault(
  declared: readonly ParamHeader[],
  args: RawJson | undefined,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): string | undefined;
