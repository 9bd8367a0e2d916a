/** Server-sent events, as far as MCP uses them: data lines, ids, comments. Fed with text in any pieces. */
export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly data: string;
}

export class EventStreamParser {
  #rest = '';
  /** Comment lines seen: keep-alives. */
  comments = 0;

  feed(text: string): ServerSentEvent[] {
    // A lone CR at the end may be half of a CRLF: it waits for the next piece.
    const all = this.#rest + text;
    const keep = all.endsWith('\r') ? 1 : 0;
    const blocks = all
      .slice(0, all.length - keep)
      .replaceAll('\r\n', '\n')
      .split('\n\n');
    this.#rest = (blocks.pop() ?? '') + all.slice(all.length - keep);
    return blocks.flatMap((block) => this.#event(block));
  }

  #event(block: string): ServerSentEvent[] {
    const data: string[] = [];
    let id: string | undefined;
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments += 1;
      else if (line.startsWith('data:')) data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
      else if (line.startsWith('id:')) id = line.slice(3).trim();
    }
    return data.length === 0 ? [] : [{ id, data: data.join('\n') }];
  }
}
