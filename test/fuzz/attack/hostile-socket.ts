/** A WebSocket server that greets and lists as it should and answers every call with changed messages, or with bytes that are no frames. */
import type { AddressInfo } from 'node:net';
import { createServer as createHttp } from 'node:http';

import { type WebSocket, WebSocketServer } from 'ws';

import { mutate } from '../engine/mutate.ts';
import { createDice, type Dice } from '../engine/random.ts';
import { greeting, hostileMessage } from './hostile-answers.ts';
import type { HostileServer } from './hostile-server.ts';

export async function startHostileSocket(seed: number): Promise<HostileServer> {
  const dice = createDice(seed);
  let answered = 0;
  const http = createHttp();
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data: Buffer) => {
      const { method, id } = JSON.parse(data.toString('utf8')) as { method?: string; id?: unknown };
      if (id === undefined || method === undefined) return;
      if (method === 'tools/call') {
        answered++;
        sendHostile(socket, id, dice);
      } else socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...greeting(method) }));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    get answered() {
      return answered;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function sendHostile(socket: WebSocket, id: unknown, dice: Dice): void {
  const message = hostileMessage(id, dice);
  const way = dice.below(12);
  if (way === 0) {
    // Frames of its own: lengths that lie, codes that nobody knows.
    const frame = `\x81${String.fromCharCode(Math.min(message.length, 125))}${message}`;
    const under = (socket as unknown as { readonly _socket: { write(bytes: Buffer): void } })._socket;
    under.write(
      Buffer.from(
        mutate(frame, { inputs: [frame], dictionary: ['\x88\x00', '\xff\xff'], mostBytes: 4_000 }, dice),
        'latin1',
      ),
    );
  } else if (way === 1) socket.close(dice.oneOf([1_000, 1_001, 1_011, 3_000, 4_001]));
  else socket.send(Buffer.from(message, 'latin1'), { binary: dice.once(6) });
}
