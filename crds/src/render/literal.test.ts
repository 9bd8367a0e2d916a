import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RootConfig } from '../hub-config/index.ts';
import { literal, withRoots } from './literal.ts';

/** The kubelet's expansion (third_party/forked/golang/expansion), for variables that all exist. */
function kubelet(text: string): string {
  let out = '';
  for (let at = 0; at < text.length; at++) {
    const next = text[at + 1];
    if (text[at] !== '$' || next === undefined) out += text[at];
    else if (next === '$') [out, at] = [`${out}$`, at + 1];
    else if (next !== '(') [out, at] = [`${out}$${next}`, at + 1];
    else {
      const end = text.indexOf(')', at);
      if (end < 0) [out, at] = [`${out}$(`, at + 1];
      else [out, at] = [`${out}EXPANDED`, end];
    }
  }
  return out;
}

test('the stand-in for the kubelet expands', () => {
  expect(kubelet('a$(B)c$$(D)$e$$$(F)$')).toBe('aEXPANDEDc$(D)$e$EXPANDED$');
});

test('what is written is what the process gets, whatever it looks like', () => {
  const nasty = fc.string({ unit: fc.constantFrom('$', '(', ')', 'A', '{', ' ') });
  fc.assert(fc.property(fc.oneof(nasty, fc.string()), (text) => kubelet(literal(text)) === text));
});

test('roots become their mount paths, as in the process driver', () => {
  const roots: RootConfig[] = [{ name: 'data', mountPath: '/data', readOnly: false }];
  expect(withRoots('$(roots.data)/a:$(roots.data)', roots)).toBe('/data/a:/data');
  expect(withRoots('$$(roots.data) $(HOME) $(roots.other)', roots)).toBe('$(roots.data) $(HOME) $(roots.other)');
});
