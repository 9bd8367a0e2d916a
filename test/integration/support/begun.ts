/** Calls that are in the middle of something: a server in a process of its own has them, and says so. */
import { type Answer, type KitClient, textOf, until } from '../../kit/index.ts';

/**
 * Begins calls of `tool`, and resolves once its server has heard of them all. The server is asked with its `control` tool, through whatever stands
 * before it; `prefix` is what its names begin with there.
 */
export async function begun(
  client: KitClient,
  prefix: string,
  tool: string,
  begin: () => Promise<Answer>[],
): Promise<Promise<Answer>[]> {
  const heard = async (): Promise<number> => {
    const told = textOf(await client.callTool(`${prefix}control`, { action: 'calls' }));
    const { calls } = JSON.parse(told) as { calls: { method: string; raw: string }[] };
    return calls.filter(({ method, raw }) => method === 'tools/call' && raw.includes(`"${tool}"`)).length;
  };
  const before = await heard();
  const calls = begin();
  await until(async () => (await heard()) === before + calls.length, {
    because: `${calls.length} calls of ${tool} have reached the server`,
  });
  return calls;
}
