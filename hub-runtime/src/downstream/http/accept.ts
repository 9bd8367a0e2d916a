/** What the Accept header of a request leaves to answer with. */
export interface Accept {
  readonly json: boolean;
  readonly events: boolean;
}

const both: Accept = { json: true, events: true };

/**
 * The specification wants clients to name both types on a POST; what SDK clients send is recognised without parsing. A client that
 * names one of them gets that one, `*\/*` and no header mean both.
 */
export function acceptOf(header: string | undefined): Accept {
  if (header === undefined || header === 'application/json, text/event-stream' || header === '*/*') return both;
  let json = false;
  let events = false;
  for (const part of header.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    if (parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))) continue;
    if (type === '*/*') json = events = true;
    else if (type === 'application/json' || type === 'application/*') json = true;
    else if (type === 'text/event-stream' || type === 'text/*') events = true;
  }
  return { json, events };
}

/** True for `application/json` with any parameters but a foreign charset. */
export function isJsonType(header: string | undefined): boolean {
  if (header === 'application/json') return true;
  if (header === undefined) return false;
  const [type = '', ...parameters] = header.split(';').map((piece) => piece.trim().toLowerCase());
  if (type !== 'application/json') return false;
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  return charset === undefined || /^charset="?utf-?8"?$/.test(charset);
}
