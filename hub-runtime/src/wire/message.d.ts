/** Builds JSON-RPC messages around raw parts. */
import { type RawJson } from './raw.ts';
export declare function requestRaw(id: string | number, method: string, params: RawJson): RawJson;
export declare function notificationRaw(method: string, params: RawJson): RawJson;
export declare function resultRaw(id: RawJson, result: RawJson): RawJson;
/** An error response. `id` undefined = it could not be read: legacy wants `null`, modern leaves it out. */
export declare function errorRaw(id: RawJson | undefined, code: number, message: string, data?: RawJson): RawJson;
/** A JSON string literal in byte form. */
export declare function quoted(text: string): RawJson;
/** One key for all spellings of one id (`1` and `1.0`, `"a"` and `"\u0061"`), so that a cancellation finds its request. */
export declare function idKey(id: RawJson): string;
