/**
 * Matchers for vitest: `expect.extend(kitMatchers)`, once per file or in a set-up file. They take what the kit client gives.
 * Plain functions: at run time the kit does not import vitest.
 */
import { inspect, isDeepStrictEqual } from 'node:util';
import type {} from 'vitest';
import type { NormaliseOptions } from './normalise.ts';
import { normalise } from './normalise.ts';

interface Verdict {
  pass: boolean;
  message: () => string;
  actual?: unknown;
  expected?: unknown;
}

interface AnswerLike {
  result?: unknown;
  error?: { code?: unknown; message?: unknown };
}

function show(value: unknown): string {
  return inspect(value, { depth: 8, maxStringLength: 500 });
}

function textsOf(received: unknown): string[] | undefined {
  const result = (received as AnswerLike | undefined)?.result as { content?: unknown } | undefined;
  if (!Array.isArray(result?.content)) return undefined;
  return (result.content as { text?: unknown }[]).flatMap((block) =>
    typeof block.text === 'string' ? [block.text] : [],
  );
}

function matchesText(texts: readonly string[], expected: string | RegExp | undefined): boolean {
  if (expected === undefined) return true;
  const all = texts.join('\n');
  return typeof expected === 'string' ? all === expected : expected.test(all);
}

export const kitMatchers = {
  /** A successful tool result, with exactly this text (or text that matches). */
  toBeToolResult(received: unknown, expected?: string | RegExp): Verdict {
    const texts = textsOf(received);
    const failed =
      ((received as AnswerLike | undefined)?.result as { isError?: unknown } | undefined)?.isError === true;
    const pass = texts !== undefined && !failed && matchesText(texts, expected);
    return {
      pass,
      message: () => `expected ${pass ? 'anything but ' : ''}a tool result ${show(expected)}, got ${show(received)}`,
    };
  },

  /** A tool result with `isError: true`. */
  toBeToolError(received: unknown, expected?: string | RegExp): Verdict {
    const texts = textsOf(received);
    const failed =
      ((received as AnswerLike | undefined)?.result as { isError?: unknown } | undefined)?.isError === true;
    const pass = texts !== undefined && failed && matchesText(texts, expected);
    return {
      pass,
      message: () => `expected ${pass ? 'anything but ' : ''}a tool error ${show(expected)}, got ${show(received)}`,
    };
  },

  /** A JSON-RPC error with this code, and a message that matches. */
  toBeRpcError(received: unknown, code: number, text?: string | RegExp): Verdict {
    const error = (received as AnswerLike | undefined)?.error;
    const said = typeof error?.message === 'string' ? error.message : '';
    const textFits = text === undefined || (typeof text === 'string' ? said.includes(text) : text.test(said));
    const pass = error?.code === code && textFits;
    return {
      pass,
      message: () => `expected ${pass ? 'anything but ' : ''}error ${code} ${show(text)}, got ${show(received)}`,
    };
  },

  /** Two lists of messages are the same conversation, up to what differs from run to run. */
  toMatchTranscript(received: unknown, other: readonly unknown[], options?: NormaliseOptions): Verdict {
    const actual = normalise(received as readonly unknown[], options);
    const expected = normalise(other, options);
    const pass = isDeepStrictEqual(actual, expected);
    return {
      pass,
      message: () => `expected the transcripts ${pass ? 'to differ' : 'to be the same'}`,
      actual,
      expected,
    };
  },
};

export interface KitMatchers<R = unknown> {
  toBeToolResult(expected?: string | RegExp): R;
  toBeToolError(expected?: string | RegExp): R;
  toBeRpcError(code: number, text?: string | RegExp): R;
  toMatchTranscript(other: readonly unknown[], options?: NormaliseOptions): R;
}

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends KitMatchers<R> {
    /** Keeps the type parameter in use, which declaration merging demands to be spelled out. */
    readonly __kitReceived?: T;
  }
}
