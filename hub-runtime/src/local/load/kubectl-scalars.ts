/**
 * Plain scalars read as kubectl reads them, so that one manifest means the same on a laptop and in a cluster.
 *
 * kubectl follows YAML 1.1 where it matters: `yes`, `no`, `on`, `off`, `y` and `n` are booleans, `0644` is octal, `1_000` a number; sexagesimal
 * numbers and timestamps stay strings there, and so they do here. Our YAML library follows YAML 1.2, which these tags come before. A text
 * that turns out to be a boolean is then refused at its line like any other wrong type, instead of working here and failing there.
 */
import { type Document, Scalar, type ScalarTag, type Tags, visit } from 'yaml';

/** Told per document; whoever has more knows by then. */
const mostWords = 10;

const truth = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const lie = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const whole = /^[-+]?(?:0[bB][01_]*[01][01_]*|0[xX][0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*|0[oO]?[0-7_]*|[1-9][0-9_]*)$/;
const fraction = /^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9_]+)?$/;

const bool: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: new RegExp(`${truth.source}|${lie.source}`),
  resolve: (text) => truth.test(text),
};

const int: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: whole,
  resolve: (text) => {
    const plain = text.replaceAll('_', '');
    const digits = plain.replace(/^[-+]/, '');
    // A leading 0 alone means octal.
    const value = Number(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
    return Number.isNaN(value) ? text : plain.startsWith('-') ? -value : value;
  },
};

const float: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: fraction,
  resolve: (text) => Number(text.replaceAll('_', '')),
};

/** Words written without quotes that YAML 1.2 would read as text: worth a word to people, since they rarely mean a boolean by them. */
export function surprisingWords(
  document: Document.Parsed,
): readonly { readonly word: string; readonly value: boolean; readonly offset: number }[] {
  const found: { word: string; value: boolean; offset: number }[] = [];
  visit(document, {
    Scalar(_key, { type, value, source = '', range }) {
      if (type !== Scalar.PLAIN || typeof value !== 'boolean' || /^(?:true|false)$/i.test(source)) return undefined;
      found.push({ word: source, value, offset: range?.[0] ?? 0 });
      return found.length >= mostWords ? visit.BREAK : undefined;
    },
  });
  return found;
}

/** For the option `customTags` of the library: the first tag whose test fits decides. */
export function kubectlScalars(standard: Tags): Tags {
  return [bool, int, float, ...standard];
}
