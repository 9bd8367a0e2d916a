/** What a tool said first, for tests whose tools speak in one text: of an answer, or of a result alone as SDK clients have it. */
export function textOf({ result, raw }: { readonly result?: unknown; readonly raw?: string }): string {
  return firstText(result) ?? `no text: ${raw ?? JSON.stringify(result)}`;
}

export function textOfResult(result: unknown): string {
  return firstText(result) ?? `no text: ${JSON.stringify(result)}`;
}

function firstText(result: unknown): string | undefined {
  const { content } = (result ?? {}) as { readonly content?: readonly { readonly text?: string }[] };
  return content?.[0]?.text;
}
