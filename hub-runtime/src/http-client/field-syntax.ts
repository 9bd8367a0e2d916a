/** How names and values of header fields may look (RFC 9110, sections 5.5 and 5.6.2): one syntax for what is written and what is read. */

/** Of a token, as part of a character class. */
export const tokenClass = "!#$%&'*+\\-.^_`|~0-9A-Za-z";
/** Of a value, as part of a character class: visible characters, blanks, and bytes beyond ASCII. */
export const valueClass = '\\t\\x20-\\x7e\\x80-\\xff';

const token = new RegExp(`^[${tokenClass}]+$`);
const value = new RegExp(`^[${valueClass}]*$`);

export function isFieldName(text: string): boolean {
  return token.test(text);
}

export function isFieldValue(text: string): boolean {
  return value.test(text);
}
