/**
 * Writes one message as pieces, the next when the socket has taken the one before.
 *
 * TLS encrypts into memory what it is given, and keeps buffers of that size with the connection: a megabyte for 150 replicas would be there
 * 150 times, for good. So would a peer that does not read hold all of it. With pieces both cost one piece per connection.
 */
import type { WebSocket } from 'ws';

export const pieceBytes = 64 * 1_024;

/** `onTaken` comes when the last piece is with the kernel; never when the stream ends before. */
export function sendInPieces(socket: WebSocket, bytes: Buffer, onTaken: () => void): void {
  let offset = 0;
  const next = (): void => {
    const piece = bytes.subarray(offset, offset + pieceBytes);
    offset += piece.length;
    const fin = offset >= bytes.length;
    socket.send(piece, { binary: false, fin }, () => {
      if (socket.readyState !== socket.OPEN) return;
      if (fin) onTaken();
      else next();
    });
  };
  next();
}
