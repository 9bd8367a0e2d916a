import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { kubectlScalars } from './kubectl-scalars.ts';

const read = (text: string): unknown => parse(text, { customTags: kubectlScalars });

// Expectations are what sigs.k8s.io/yaml 1.6, which kubectl reads manifests with, made of the same words.
describe('HS-16 plain scalars mean what they mean to kubectl', () => {
  test.each(['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'true', 'True', 'TRUE'])('%s is true', (word) => {
    expect(read(word)).toBe(true);
  });

  test.each(['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'false', 'False', 'FALSE'])('%s is false', (word) => {
    expect(read(word)).toBe(false);
  });

  test.each([
    ['0644', 420],
    ['-010', -8],
    ['0o17', 15],
    ['0b101', 5],
    ['0x1F', 31],
    ['1_000', 1000],
    ['+12', 12],
    ['0', 0],
    ['08', 8],
    ['1_0.5', 10.5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['5.', 5],
  ])('%s is the number %d', (word, value) => {
    expect(read(word)).toBe(value);
  });

  test.each([
    '12:30:45',
    '2026-11-21',
    '2026.8.31',
    'yEs',
    'nO',
    'oN',
    '1.2.3',
    '_1',
    '0x',
    '0b2',
    '1e',
    '.',
    '0b',
    '0o9',
    '._5',
    'y1',
  ])('%s stays a text', (word) => {
    expect(read(word)).toBe(word);
  });

  test.each(['"no"', "'0644'", '!!str on'])('%s is a text, as written', (text) => {
    expect(typeof read(text)).toBe('string');
  });

  test('keys too', () => {
    expect(read('{no: 1, on: 2, 010: 3}')).toEqual({ false: 1, true: 2, 8: 3 });
  });

  test('nothing and null stay what they are', () => {
    expect([read(''), read('~'), read('null'), read('Null')]).toEqual([null, null, null, null]);
  });
});
