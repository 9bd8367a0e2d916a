import { expect, test } from 'vitest';

import { formatProblem, problem } from './problem.ts';

test.each([
  [problem('error', 'is wrong'), 'error: is wrong'],
  [problem('note', 'is so', 'do that'), 'note: is so; do that'],
  [problem('error', 'is wrong', 'do that', { file: 'a.yaml' }), 'a.yaml: error: is wrong; do that'],
  [
    problem('error', 'is wrong', 'do that', {
      file: 'a.yaml',
      position: { line: 3, column: 5 },
      path: 'spec.x',
      subject: 'McpServer default/a',
    }),
    'a.yaml:3:5: error: spec.x: is wrong; do that',
  ],
  [problem('warning', 'is odd', '', { subject: 'server "a"' }), 'warning: server "a": is odd'],
])('%#', (one, line) => {
  expect(formatProblem(one)).toBe(line);
});
