/** HT-5.12 at full size: 1 GiB to a reader of 16 MiB/s, of and to both eras. `QM_STREAM_MIB` for another size. */
import { expect, test } from 'vitest';

import { mebibyte, startStreamingWorld } from './support/streaming-world.ts';

const size = Number(process.env['QM_STREAM_MIB'] ?? 1_024);

test.each([
  ['modern', 'big', 'modern'],
  ['legacy', 'sse', 'modern'],
  ['modern', 'sse', 'legacy'],
] as const)(
  'HT-5.12 a large resource of a %s server (%s) to a %s client: same bytes, flat memory',
  async (server, how, client) => {
    await using world = await startStreamingWorld(server);
    await world.read(client, `${how}:${256 * mebibyte}`, 128 * mebibyte);
    const cpu = world.inside.cpu();
    const { value, bytes, jump } = await world.growth(() =>
      world.read(client, `${how}:${size * mebibyte}`, 16 * mebibyte),
    );
    console.log(
      `${size} MiB in ${(value.ms / 1_000).toFixed(1)} s, RSS +${(bytes / mebibyte).toFixed(1)} MiB in the middle and +${(jump / mebibyte).toFixed(1)} MiB at its beginning, CPU ${(world.inside.cpu() - cpu).toFixed(1)} s`,
    );
    expect(value).toMatchObject({ cut: false, blobBytes: size * mebibyte, hash: world.server.hashes.at(-1) });
    expect(bytes).toBeLessThan(20 * mebibyte);
    expect(jump).toBeLessThan(40 * mebibyte);
  },
);
