/**
 * A hub on a pipe (`qm up --stdio`) whose client sends changed lines between right ones: each right one is answered, and every line that comes back
 * is one message that any client can read.
 */
import { isUtf8 } from 'node:buffer';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { spawnProgram, stdioCommand } from '../../kit/index.ts';
import { mcpHub, mcpServer, qm, writeManifests } from '../../integration/support/running-hub.ts';
import { mutate } from '../engine/mutate.ts';
import { createDice } from '../engine/random.ts';
import { Broken, hold } from '../engine/target.ts';
import type { AttackFind } from './attack-hub.ts';
import { modern, seedRequests } from './requests.ts';

export interface PipeReport {
  readonly lines: number;
  readonly answered: number;
  readonly finds: readonly AttackFind[];
}

const patienceMs = 20_000;
const startMs = 60_000;
/** Lines between two right ones. */
const mostBetween = 20;

export async function attackPipe(seconds: number, seed: number): Promise<PipeReport> {
  const folder = mkdtempSync(join(tmpdir(), 'qm-fuzz-'));
  try {
    const manifests = join(folder, 'm');
    mkdirSync(manifests);
    writeManifests(manifests, [
      mcpHub(),
      mcpServer('good', { source: { command: stdioCommand({ tools: [{ name: 'echo' }] }) } }),
    ]);
    return await attackIn(folder, manifests, seconds, seed);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function attackIn(folder: string, manifests: string, seconds: number, seed: number): Promise<PipeReport> {
  const { command, args } = qm('up', '--stdio', '-f', manifests, '--state-dir', join(folder, 'state'));
  await using program = spawnProgram(command, args, { cwd: folder, env: { NO_COLOR: '1' } });
  const reader = new PipeEnd();
  program.child.stdout?.on('data', (chunk: Buffer) => reader.push(chunk.toString('latin1')));
  const dice = createDice(seed);
  const seeds = seedRequests('AAAA')
    .map(({ body }) => body)
    .filter((body) => body !== '');
  const stock = {
    inputs: seeds,
    dictionary: ['\n', '\r\n', '\0', '\xff', '"id":1,', '{"jsonrpc":"2.0",', '[', '{"a":'.repeat(70)],
    mostBytes: 20_000,
  };
  const sent: string[] = [];
  let lines = 0;
  let turn = 0;
  const finds: AttackFind[] = [];
  let until = Number.POSITIVE_INFINITY;
  try {
    do {
      // The first is right, and waits for the hub to come up.
      for (let count = turn === 0 ? 0 : dice.below(mostBetween); count > 0; count--) {
        const line = mutate(dice.oneOf(seeds) ?? '', stock, dice);
        sent.push(line);
        if (sent.length > 64) sent.shift();
        lines++;
        program.child.stdin?.write(Buffer.from(`${line}\n`, 'latin1'));
      }
      const id = `right-${++turn}`;
      const { body } = modern('tools/call', { name: 'good_echo', arguments: { text: id } });
      program.child.stdin?.write(`\n${body.replace('"id":7', `"id":"${id}"`)}\n`);
      const answer = await reader.answerTo(id, turn === 1 ? startMs : patienceMs);
      hold(answer !== undefined && program.exit === undefined, 'a right line between hostile ones is answered');
      hold(answer.includes('"result"') && answer.includes(id), 'and rightly');
      for (const fault of reader.takeFaults()) throw new Broken(fault);
      if (turn === 1) until = performance.now() + seconds * 1_000;
    } while (performance.now() < until);
  } catch (error) {
    finds.push({ input: sent.join('\n'), error: error as Error });
  }
  return { lines, answered: turn, finds };
}

/** What the hub writes, line by line. */
class PipeEnd {
  #rest = '';
  readonly #answers = new Map<string, string>();
  #faults: string[] = [];
  #wake: () => void = () => {};

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
    this.#wake();
  }

  #line(line: string): void {
    const bytes = Buffer.from(line, 'latin1');
    if (!isUtf8(bytes)) this.#faults.push('a line on the pipe is UTF-8');
    if (line.includes('QM_INTERNAL')) this.#faults.push('nothing breaks inside the hub');
    try {
      const { id } = JSON.parse(bytes.toString('utf8')) as { id?: unknown };
      if (typeof id === 'string' && id.startsWith('right-')) this.#answers.set(id, line);
    } catch {
      this.#faults.push(`a line on the pipe is JSON: ${JSON.stringify(line.slice(0, 200))}`);
    }
  }

  takeFaults(): readonly string[] {
    const faults = this.#faults;
    this.#faults = [];
    return faults;
  }

  async answerTo(id: string, patience: number): Promise<string | undefined> {
    const until = performance.now() + patience;
    for (;;) {
      const answer = this.#answers.get(id);
      if (answer !== undefined) {
        this.#answers.delete(id);
        return answer;
      }
      const left = until - performance.now();
      if (left <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
