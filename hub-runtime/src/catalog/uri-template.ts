/**
 * Does a URI fit a template of RFC 6570? Used to find the server of a URI that no server lists.
 *
 * Templates come from servers, so no regular expression is made of them: a sweep over the URI per template part keeps the set of
 * places reached so far. That is URI length times parts at worst, and every step is paid from a budget (a hostile server could
 * offer a thousand slow templates). What an expression may swallow is taken generously but never across what separates URI parts;
 * variable names and explode or prefix modifiers do not change who owns the URI and are not looked at.
 */
export interface UriTemplate {
  readonly text: string;
  readonly parts: readonly Part[];
}

type Part =
  | { readonly literal: string }
  | {
      /** Character that begins the expansion; the whole expansion may be missing when there is one. */
      readonly lead: number | undefined;
      /** Characters the expansion may not hold. */
      readonly stop: string;
    };

export interface MatchBudget {
  steps: number;
}

const maxParts = 64;
const code = (char: string): number => char.charCodeAt(0);

/** By operator: RFC 6570, 3.2.2 to 3.2.9. */
const expressions: Readonly<Record<string, Part>> = {
  '': { lead: undefined, stop: '/?#' },
  '+': { lead: undefined, stop: '' },
  '#': { lead: code('#'), stop: '' },
  '.': { lead: code('.'), stop: '/?#' },
  '/': { lead: code('/'), stop: '?#' },
  ';': { lead: code(';'), stop: '/?#' },
  '?': { lead: code('?'), stop: '#' },
  '&': { lead: code('&'), stop: '#' },
};

/** Undefined for what is no template: unbalanced braces, an empty expression, too many parts. */
export function parseUriTemplate(text: string): UriTemplate | undefined {
  const parts: Part[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{', at);
    const literal = open < 0 ? text.slice(at) : text.slice(at, open);
    if (literal.includes('}')) return undefined;
    if (literal !== '') parts.push({ literal });
    if (open < 0) break;
    const close = text.indexOf('}', open);
    if (close < 0) return undefined;
    const inner = text.slice(open + 1, close);
    const operator = /^[A-Za-z0-9_%]/.test(inner) ? '' : inner.slice(0, 1);
    const part = expressions[operator];
    if (part === undefined || inner.length === operator.length || inner.includes('{')) return undefined;
    parts.push(part);
    at = close + 1;
  }
  return parts.length === 0 || parts.length > maxParts ? undefined : { text, parts };
}

/** True when the URI may be an expansion of the template. False as well when the budget is used up. */
export function uriTemplateMatches(template: UriTemplate, uri: string, budget: MatchBudget): boolean {
  const [first] = template.parts;
  if (first !== undefined && 'literal' in first && !uri.startsWith(first.literal)) return false;
  const places = uri.length + 1;
  let reached = new Uint8Array(places);
  reached[0] = 1;
  for (const part of template.parts) {
    // A literal that nearly fits everywhere costs its own length at each place; block-wise comparison makes that cheap, not free.
    budget.steps -= 'literal' in part ? places * (1 + Math.ceil(part.literal.length / 64)) : places;
    if (budget.steps < 0) return false;
    const next = new Uint8Array(places);
    if ('literal' in part) afterLiteral(part.literal, uri, reached, next);
    else afterExpression(part, uri, reached, next);
    reached = next;
  }
  return reached[uri.length] === 1;
}

function afterLiteral(literal: string, uri: string, reached: Uint8Array, next: Uint8Array): void {
  for (let at = uri.indexOf(literal); at >= 0; at = uri.indexOf(literal, at + 1))
    if (reached[at] === 1) next[at + literal.length] = 1;
}

function afterExpression(
  part: { readonly lead: number | undefined; readonly stop: string },
  uri: string,
  reached: Uint8Array,
  next: Uint8Array,
): void {
  let inside = false;
  for (let at = 0; at <= uri.length; at++) {
    if (inside) next[at] = 1;
    if (reached[at] === 1 && part.lead !== undefined) next[at] = 1;
    if (at === uri.length) break;
    const char = uri.charCodeAt(at);
    // Within an expansion the run goes on until a character it may not hold; a new run begins wherever the template has come to.
    if (inside && isStop(part.stop, char)) inside = false;
    if (reached[at] === 1)
      inside = part.lead === undefined ? inside || !isStop(part.stop, char) : inside || char === part.lead;
  }
}

function isStop(stop: string, char: number): boolean {
  for (let index = 0; index < stop.length; index++) if (stop.charCodeAt(index) === char) return true;
  return false;
}
