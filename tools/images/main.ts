/**
 * `make images`: the images of the hub, the operator and the runners as archives in `dist/images`, with a note of digests and sizes beside each.
 *
 *   main.ts [--image NAME]... [--arch amd64|arm64]... [--out FOLDER] [--newer] [--roots] [--json]
 */
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';

import { root } from '../support/run.ts';
import { type BuiltImage, buildImages } from './build-images.ts';
import { imageNames } from './images.ts';
import { architectures } from './pins.ts';

const { values } = parseArgs({
  options: {
    image: { type: 'string', multiple: true },
    arch: { type: 'string', multiple: true },
    out: { type: 'string', default: join(root, 'dist/images') },
    newer: { type: 'boolean', default: false },
    roots: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const started = performance.now();
const say = (line: string): void => console.error(line);
try {
  const built = await buildImages({
    names: chosen('image', values.image, imageNames),
    architectures: chosen('arch', values.arch, architectures),
    out: values.out,
    newer: values.newer,
    roots: values.roots,
    say,
  });
  if (values.json) console.log(JSON.stringify(built));
  else for (const image of built) console.log(line(image));
  say(`${built.length} images in ${((performance.now() - started) / 1000).toFixed(1)} s`);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

function chosen<T extends string>(
  option: string,
  asked: readonly string[] | undefined,
  all: readonly T[],
): readonly T[] {
  const unknown = asked?.find((each) => !all.some((known) => known === each));
  if (unknown !== undefined) throw new Error(`--${option} is one of ${all.join(', ')}, not ${unknown}`);
  return asked === undefined ? all : all.filter((each) => asked.includes(each));
}

function line({ name, architecture, bytes, plainBytes, digest, archive }: BuiltImage): string {
  const size = `${mib(bytes)} MiB, ${mib(plainBytes)} unpacked`;
  return `${`${name} ${architecture}`.padEnd(18)} ${size.padEnd(26)} ${digest}  ${relative(process.cwd(), archive)}`;
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
