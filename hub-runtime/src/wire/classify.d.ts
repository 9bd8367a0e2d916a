import { type RequestMeta } from './meta.ts';
import { type RawJson } from './raw.ts';
import type { ScannedMessage } from './scan.ts';
/** As node:http gives them: lower-case names, duplicates joined. */
export interface MirroredHeaders {
  readonly [name: string]: string | string[] | undefined;
}
export interface Classified {
  readonly era: 'modern' | 'legacy';
  readonly meta: RequestMeta;
}
export interface ClassifyFault {
  readonly era: 'fault';
  readonly code: number;
  readonly message: string;
  readonly data: RawJson | undefined;
}
/** For messages over HTTP. */
export declare function classifyPost(message: ScannedMessage, headers: MirroredHeaders): Classified | ClassifyFault;
/** For messages on a pipe, where nothing is mirrored. */
export declare function classifyPiped(message: ScannedMessage): Classified | ClassifyFault;
/** The error for a version that is not served, as the spec wants it. `requested` is client text in byte form. */
export declare function unsupportedVersion(requested: string | undefined): ClassifyFault;
