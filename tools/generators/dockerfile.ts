/**
 * The Dockerfile of an image, for those who build with docker or buildah: the same layers from the same prepared file trees, and nothing run on
 * the way. Its context is a folder that `make images ROOTS=1` writes.
 */
import { labels } from '../images/archive.ts';
import { type ImageName, images, user } from '../images/images.ts';

export function dockerfile(name: ImageName, version: string): string {
  const spec = images[name];
  const pairs = (record: Readonly<Record<string, string>>): string =>
    Object.entries(record)
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join(' \\\n    ');
  return `# Made by \`make generate\` from tools/images/images.ts. Context: dist/images/roots/${name}-<architecture>, made by \`make images ROOTS=1\`.
FROM scratch
${spec.layers.map((layer) => `COPY ${layer}/ /`).join('\n')}
ENV ${pairs(spec.env)}
LABEL ${pairs(labels(spec, version))}
USER ${user}
WORKDIR /
ENTRYPOINT ${JSON.stringify(spec.entrypoint)}
`;
}
