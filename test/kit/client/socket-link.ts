/** The kit client's way over a WebSocket: subprotocol `mcp`, one message per text frame. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { PipeLink } from './pipe-link.ts';
import type { Transcript } from './transcript.ts';

export class SocketLink extends PipeLink {
  readonly transport = 'websocket';
  readonly socket: WebSocket;
  /** Once it is over. */
  closeCode: number | undefined;

  static async open(url: string, headers: Record<string, string>, transcript: Transcript): Promise<SocketLink> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), ['mcp'], { headers, maxPayload: 0 });
    const link = new SocketLink(socket, transcript);
    await once(socket, 'open');
    return link;
  }

  private constructor(socket: WebSocket, transcript: Transcript) {
    super(transcript);
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.line(data.toString('utf8')));
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      this.closeCode = code;
      this.lost();
    });
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const gone = once(this.socket, 'close');
    this.socket.close();
    await gone;
  }

  protected send(text: string): void {
    this.socket.send(text);
  }
}
