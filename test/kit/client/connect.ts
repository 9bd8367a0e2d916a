/** Opens kit clients: one function per way. Each shakes hands unless told not to. */
import type { EraName } from '../server/index.ts';
import { HttpLink } from './http-link.ts';
import { KitClient } from './kit-client.ts';
import type { ClientOptions } from './kit-client.ts';
import { SocketLink } from './socket-link.ts';
import { SseLink } from './sse-link.ts';
import { StdioLink } from './stdio-link.ts';
import { Transcript } from './transcript.ts';

export function connectLegacy(url: string, options: ClientOptions = {}): Promise<KitClient> {
  return connectHttp(url, 'legacy', options);
}

export function connectModern(url: string, options: ClientOptions = {}): Promise<KitClient> {
  return connectHttp(url, 'modern', options);
}

/** Several URLs (replicas of one hub): requests go to each in turn. */
export async function connectHttp(
  url: string | readonly string[],
  era: EraName,
  options: ClientOptions = {},
): Promise<KitClient> {
  const transcript = new Transcript();
  return greet(new KitClient(new HttpLink(url, transcript), era, options, transcript), options);
}

export async function connectStdio(
  command: string,
  args: readonly string[],
  options: ClientOptions & { era?: EraName; env?: Record<string, string> } = {},
): Promise<KitClient> {
  const transcript = new Transcript();
  const link = new StdioLink(command, args, options.env, transcript);
  return greet(new KitClient(link, options.era ?? 'legacy', options, transcript), options);
}

/** Old HTTP+SSE, 2024-11-05: `url` is where the stream is. */
export async function connectSse(url: string, options: ClientOptions = {}): Promise<KitClient> {
  const transcript = new Transcript();
  const link = await SseLink.open(url, options.headers ?? {}, transcript);
  return greet(new KitClient(link, 'legacy', options, transcript), options);
}

export async function connectSocket(url: string, era: EraName, options: ClientOptions = {}): Promise<KitClient> {
  const transcript = new Transcript();
  const link = await SocketLink.open(url, options.headers ?? {}, transcript);
  return greet(new KitClient(link, era, options, transcript), options);
}

async function greet(client: KitClient, options: ClientOptions): Promise<KitClient> {
  if (options.handshake === false) return client;
  try {
    await client.shakeHands();
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}
