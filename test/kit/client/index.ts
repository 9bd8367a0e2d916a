/** The recording client of both eras, over HTTP and stdio. */
export { connectHttp, connectLegacy, connectModern, connectSocket, connectSse, connectStdio } from './connect.ts';
export type { EventStream } from './event-stream.ts';
export { EventStreamParser } from './event-stream-parser.ts';
export type { ServerSentEvent } from './event-stream-parser.ts';
export { HttpLink } from './http-link.ts';
export { KitClient, LostAnswer } from './kit-client.ts';
export type { Answer, ClientOptions, RequestOptions } from './kit-client.ts';
export { encodeHeaderValue } from './modern-headers.ts';
export { SocketLink } from './socket-link.ts';
export { SseLink } from './sse-link.ts';
export { StdioLink } from './stdio-link.ts';
export { textOf, textOfResult } from './text-of.ts';
export { Transcript } from './transcript.ts';
export type { TranscriptEntry } from './transcript.ts';
