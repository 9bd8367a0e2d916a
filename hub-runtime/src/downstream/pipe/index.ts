/** One client on one pipe, both eras: what stdio, WebSocket and HTTP+SSE share. */
export { PipeClient, type PipeClientOptions } from './pipe-client.ts';
export { type PipeOut, PipeReply } from './pipe-reply.ts';
