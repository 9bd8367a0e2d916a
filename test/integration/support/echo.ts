/** One call of a tool that says what it was told, and a word for what became of it. */
import type { KitClient } from '../../kit/index.ts';

/** `ok`, or what came back instead, or why nothing did. */
export async function echo(client: KitClient, said: string, id?: string | number): Promise<string> {
  try {
    const answer = await client.callTool('files_echo', { said }, id === undefined ? {} : { id });
    if (answer.error !== undefined) return `error: ${answer.raw}`;
    if (id !== undefined && answer.id !== id) return `id ${String(answer.id)}`;
    return answer.raw.includes(`\\"${said}\\"`) ? 'ok' : `wrong: ${answer.raw}`;
  } catch (error) {
    return `failed: ${String(error)}`;
  }
}

export const others = (outcomes: readonly string[]): string[] => outcomes.filter((one) => one !== 'ok');
