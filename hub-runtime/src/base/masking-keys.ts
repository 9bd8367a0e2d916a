/**
 * Masks the values of keys whose name says "secret", in whatever notation the key is written.
 *
 * Finds the name with one regular expression, then reads on by hand: a closing quote at any depth of JSON escaping, a separator, and the value
 * by its own quoting. Values that are only references (`${TOKEN}`, `secretKeyRef`) stay readable: they help and give nothing away.
 */
import { mask } from './masking-shapes.ts';

const keyNames =
  /(?:authorization|token|secret|passw(?:or)?d|passphrase|passcode|pwd|(?:api|access|private|account|signing|encryption|shared)[-_. ]?key|set-cookie|cookie|credential|signature|[?&;]sig(?==)|x-auth|_auth(?=\b)|session[-_]id|connection[-_]?string)[\w-]{0,40}/gi;

/** Names that contain a word from above and hold nothing secret. */
const harmless =
  /(?:progresstoken|secretkeyref|secretref|secretname|secretkind|token_?(?:endpoint|type|count|limit|url)|[a-z]+_?tokens)$/i;

const wholeLine = /^(?:(?:proxy-)?authorization|(?:set-)?cookie)$/i;
const pairValue = /^\s{0,16},?\s{0,16}(?:\\n)?\s{0,64}(\\*)["']?(?:value|val|default)(?:\\*["'])?\s{0,8}[:=]\s{0,8}/i;
const longestValue = 65_536;

/** Where a value starts and ends, and what to put there. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export function maskKeyedValues(text: string): string {
  let out = '';
  let copied = 0;
  keyNames.lastIndex = 0;
  for (let match = keyNames.exec(text); match !== null; match = keyNames.exec(text)) {
    const span = valueAfter(text, match.index, keyNames.lastIndex);
    if (span === undefined) continue;
    out += text.slice(copied, span.start) + span.text;
    copied = span.end;
    keyNames.lastIndex = span.end;
  }
  return copied === 0 ? text : out + text.slice(copied);
}

function valueAfter(text: string, keyStart: number, keyEnd: number): Span | undefined {
  const name = wholeName(text, keyStart, keyEnd);
  if (harmless.test(name)) return undefined;
  let at = keyEnd;
  let slashes = 0;
  while (text[at + slashes] === '\\') slashes++;
  const quote = text[at + slashes];
  const quoted = quote === '"' || quote === "'";
  if (quoted) at += slashes + 1;
  else slashes = 0;

  const pair = pairValue.exec(text.slice(at, at + 160));
  if (pair !== null && (quoted ? pair[0].includes(',') : /[\n\\]/.test(pair[0]))) at += pair[0].length;
  else {
    const separator = separatorEnd(text, at, name, quoted);
    if (separator === undefined) return undefined;
    at = separator;
  }
  return valueAt(text, at, { name, slashes, quoted });
}

/** The name with what stands before the word that gave it away: `--db-` of `--db-password`. */
function wholeName(text: string, keyStart: number, keyEnd: number): string {
  let from = keyStart;
  while (from > 0 && keyStart - from < 48 && /[\w.-]/.test(text[from - 1] ?? '')) from--;
  return text.slice(from, keyEnd);
}

function separatorEnd(text: string, from: number, name: string, quoted: boolean): number | undefined {
  let at = skipSpace(text, from);
  const char = text[at];
  if (char === ':' || char === '=') {
    at++;
    while (text[at] === '=' || text[at] === '>') at++;
    return skipSpace(text, at);
  }
  if (char === '>') return at + 1; // <password>...
  if (name.startsWith('--') || name.startsWith('-p')) {
    if (quoted && char === ',') return skipSpace(text, at + 1); // ["--token", "..."]
    return at > from && !quoted ? at : undefined; // --token ...
  }
  if (quoted && char === ',' && (wholeLine.test(name) || /^x-/i.test(name))) return skipSpace(text, at + 1); // raw header lists
  return undefined;
}

function valueAt(text: string, at: number, key: { name: string; slashes: number; quoted: boolean }): Span | undefined {
  let slashes = 0;
  while (text[at + slashes] === '\\') slashes++;
  const first = text[at + slashes];
  if (first === '"' || first === "'" || first === '`') {
    const start = at + slashes + 1;
    const end = closingQuote(text, start, first, slashes);
    return isReference(text.slice(start, end)) ? undefined : { start, end, text: mask };
  }
  if (first === '{' || first === '[') return containerAt(text, at, first);
  const rest = text.slice(at, at + 32);
  if (/^(?:null|true|false|undefined|none)\b/i.test(rest) || rest === '') return undefined;
  if (key.quoted && /^-?\d/.test(rest)) {
    const end = at + (/^[-+.\dEe]+/.exec(text.slice(at, at + 512))?.[0].length ?? 0);
    const escape = '\\'.repeat(key.slashes);
    return { start: at, end, text: `${escape}"${mask}${escape}"` };
  }
  return bareValue(text, at, key.name);
}

/** A word, or the rest of the line for headers whose value has spaces. */
function bareValue(text: string, start: number, name: string): Span | undefined {
  const header = wholeLine.test(name) && /:[ \t]*$/.test(text.slice(Math.max(0, start - 17), start));
  const stop = header ? /[\r\n"\\]/g : /[\s,;&)\]}"'<>\\|]/g;
  // A reference's own bracket does not end the value: what follows it may be the secret.
  stop.lastIndex =
    start + (/^(?:\$[({][\w.:-]{1,80}[)}]|\[masked\])/.exec(text.slice(start, start + 90))?.[0].length ?? 0);
  let end = stop.exec(text)?.index ?? text.length;
  if (/^(?:bearer|basic|token|digest)$/i.test(text.slice(start, end)) && text[end] === ' ') {
    stop.lastIndex = end + 1;
    end = stop.exec(text)?.index ?? text.length;
  }
  if (end === start || isReference(text.slice(start, end))) return undefined;
  return { start, end, text: mask };
}

/** All strings inside an array or object. The brackets stay, so JSON stays JSON. */
function containerAt(text: string, start: number, open: '{' | '['): Span | undefined {
  const close = open === '{' ? '}' : ']';
  const limit = Math.min(text.length, start + longestValue);
  let out = '';
  let depth = 0;
  let at = start;
  while (at < limit) {
    const char = text[at] ?? '';
    let slashes = 0;
    while (text[at + slashes] === '\\') slashes++;
    const quote = text[at + slashes];
    if (quote === '"' && (slashes > 0 || char === '"')) {
      const from = at + slashes + 1;
      const end = closingQuote(text, from, '"', slashes);
      const after = end + slashes + 1;
      const isKey = /^\s{0,8}:/.test(text.slice(after, after + 9));
      out += text.slice(at, from) + (isKey ? text.slice(from, end) : mask) + text.slice(end, after);
      at = after;
      continue;
    }
    if (char === open) depth++;
    if (char === close) depth--;
    out += char;
    at++;
    if (depth === 0) return { start, end: at, text: out };
  }
  return { start, end: limit, text: mask };
}

/** Index of the quote that ends a string opened with `slashes` backslashes and `quote`; the end of the text when it never does. */
function closingQuote(text: string, from: number, quote: string, slashes: number): number {
  let at = from;
  for (;;) {
    const next = text.indexOf(quote, at);
    if (next < 0) return text.length;
    let run = 0;
    while (next - run > from && text[next - run - 1] === '\\') run++;
    // Opened with n backslashes (n = 2^depth - 1), a quote inside has n + (n+1) more, a backslash inside is written with 2(n+1).
    if (run < slashes) return next - run; // the text around it ends here: it was cut off
    if (run % (2 * (slashes + 1)) === slashes) return next - slashes;
    at = next + 1;
  }
}

function isReference(value: string): boolean {
  return value === '' || value === mask || /^\$[({][\w.:-]{1,80}[)}]$/.test(value);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at - from < 16 && (text[at] === ' ' || text[at] === '\t')) at++;
  return at;
}
