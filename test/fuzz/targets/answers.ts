/**
 * Answers of HTTP servers: the same however they are cut, and never taken for something that the parser of Node's own HTTP takes for something
 * else. It may refuse more than that one, for what two readers could read differently is refused; what it accepts both must read alike.
 */
import { createRequire } from 'node:module';

import { AnswerParser } from '../../../hub-runtime/src/http-client/index.ts';
import { createDice } from '../engine/random.ts';
import { hold, type Target } from '../engine/target.ts';
import { same } from './reference.ts';

interface ReadAnswer {
  readonly status: number;
  body: string;
  isOver: boolean;
}

interface ReadAnswers {
  readonly answers: ReadAnswer[];
  readonly fault: string | undefined;
}

/** The parser behind node:http, which is public in a manner of speaking only: good enough to compare with. */
interface NodeParser {
  initialize(kind: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  [callback: number]: (...args: never[]) => unknown;
}

interface NodeParserClass {
  new (): NodeParser;
  readonly RESPONSE: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser } = createRequire(import.meta.url)('node:_http_common') as { HTTPParser: NodeParserClass };

const ok = 'HTTP/1.1 200 OK\r\n';

export const answers: Target = {
  name: 'answers',
  mostBytes: 1_024,
  seeds: [
    `${ok}Content-Type: application/json\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\nhello`,
    `${ok}transfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n`,
    `HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n${ok}content-length: 1\r\n\r\nx`,
    `${ok}content-type: text/event-stream\r\nconnection: close\r\n\r\ndata: 1\n\n`,
    'HTTP/1.0 404 Not Found\r\ncontent-length: 0\r\n\r\n',
  ],
  dictionary: [
    'HTTP/1.1 ',
    'HTTP/1.0 ',
    'content-length: 1\r\n',
    'Content-Length: 0',
    'transfer-encoding: chunked\r\n',
    'transfer-encoding: gzip\r\n',
    'connection: close\r\n',
    'connection: keep-alive, upgrade\r\n',
    'upgrade: h2c\r\n',
    '\r\n\r\n',
    '\r\n',
    '\n',
    '\r',
    '\r\n ',
    ' :',
    '0\r\n\r\n',
    '1\r\nx\r\n',
    'ffffffffffff\r\n',
    ';x',
    '101 ',
    '304 ',
    '\0',
    '\x80',
  ],
  run(input) {
    const whole = read([input]);
    for (const pieces of cuts(input)) hold(same(merged(read(pieces)), merged(whole)), 'answers do not depend on cuts');
    const known = readByNode(input);
    for (const [at, answer] of whole.answers.entries()) {
      const other = known.answers[at];
      // What follows a fault of the other one is not read by it; a faulty piece is what this one must not take for an answer.
      hold(other !== undefined, 'an answer is one for Node, too');
      hold(answer.status === other.status, 'of the same status');
      if (!answer.isOver) return;
      hold(answer.body === other.body, 'and the same body');
      hold(other.isOver, 'that ends where it does');
    }
  },
};

/** Until the first answer that is not followed by another on the same connection. */
function read(pieces: readonly string[]): ReadAnswers {
  const found: ReadAnswer[] = [];
  const parser = new AnswerParser({
    onHead: ({ status }) => void found.push({ status, body: '', isOver: false }),
    onData: (text) => {
      const last = found.at(-1);
      if (last !== undefined) last.body += text;
    },
    onEnd: () => {
      const last = found.at(-1);
      if (last !== undefined) last.isOver = true;
      // As a connection does: one answer was asked for.
      parser.stop();
    },
  });
  for (const piece of pieces) {
    const fault = parser.push(piece);
    if (fault !== undefined) return { answers: found, fault };
  }
  return { answers: found, fault: undefined };
}

/** Pieces of a body that came before a fault may differ with the cuts, what is complete may not. */
function merged({ answers: found, fault }: ReadAnswers): unknown {
  return fault === undefined ? found : { complete: found.filter(({ isOver }) => isOver), heads: found.length, fault };
}

function readByNode(input: string): ReadAnswers {
  const found: ReadAnswer[] = [];
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.RESPONSE, {});
  parser[HTTPParser.kOnHeadersComplete] = (...args: readonly unknown[]) => {
    const status = Number(args[5]);
    if (status >= 200 || found.length > 0) found.push({ status, body: '', isOver: false });
  };
  parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
    const last = found.at(-1);
    if (last !== undefined) last.body += bytes.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    const last = found.at(-1);
    if (last !== undefined) last.isOver = true;
  };
  const bytes = Buffer.from(input, 'latin1');
  const result = parser.execute(bytes);
  return { answers: found, fault: typeof result === 'number' ? undefined : result.message };
}

function cuts(input: string): string[][] {
  const dice = createDice(input.length);
  const ways: string[][] = [input.split('')];
  for (let way = 0; way < 2; way++) {
    const pieces: string[] = [];
    for (let at = 0; at < input.length;) {
      const end = at + 1 + dice.below(way === 0 ? 7 : input.length);
      pieces.push(input.slice(at, end));
      at = end;
    }
    ways.push(pieces);
  }
  return ways;
}
