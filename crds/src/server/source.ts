/** `spec.source`: where a server comes from. Exactly one member; each says what runs and how it is pinned. */
import { keyRef, list, object, oneOf, text } from '../schema/index.ts';
import { npmVersionPattern, pypiVersionPattern, reservedHeaders } from '../units/index.ts';

const args = (what: string) =>
  list(
    `Arguments for ${what}. \`$(roots.<name>)\` becomes the path of that root.`,
    text('One argument.', { max: 4_096 }),
    { max: 128 },
  ).default([]);

const resolvedBefore = text(
  'Only dependency versions published before this moment (RFC 3339) are used, so that a later install resolves to the same tree. Absent: whatever fits today.',
  {
    min: 10,
    max: 30,
    pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?Z)?$',
    example: '2026-11-01T00:00:00Z',
  },
);

const npm = object(
  'A package of the npm registry, installed once with install scripts off, then run directly (no npx stays in front of it).',
  {
    package: text('Package name.', {
      min: 1,
      max: 214,
      pattern: '^(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*$',
      example: '@modelcontextprotocol/server-memory',
    }),
    version: text('Exact version; ranges and tags are refused because they change under you.', {
      min: 5,
      max: 64,
      pattern: npmVersionPattern,
      example: '2026.8.31',
    }),
    bin: text(
      'Which executable of the package to run. Needed only when it has several and none is named like the package.',
      { min: 1, max: 128, pattern: '^[A-Za-z0-9._-]+$' },
    ).exactOptional(),
    args: args('the executable'),
    integrity: text('Expected checksum of the package (`sha512-...` as in a lockfile). A different one is refused.', {
      min: 20,
      max: 256,
      pattern: '^sha(256|384|512)-[A-Za-z0-9+/]+={0,2}$',
    }).exactOptional(),
    resolvedBefore: resolvedBefore.exactOptional(),
  },
);

const pypi = object(
  'A package of the Python package index, installed once into an environment of its own, then run directly. Needs uv or pipx on a laptop.',
  {
    package: text('Package name.', {
      min: 1,
      max: 128,
      pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$',
      example: 'mcp-server-time',
    }),
    version: text('Exact version.', { min: 1, max: 64, pattern: pypiVersionPattern, example: '2026.10.19' }),
    bin: text('Which console script to run, when it is not named like the package.', {
      min: 1,
      max: 128,
      pattern: '^[A-Za-z0-9._-]+$',
    }).exactOptional(),
    args: args('the script'),
    with: list(
      'Further requirements or constraints for the same environment.',
      text('A requirement.', { min: 1, max: 256, pattern: '^[A-Za-z0-9][!-~ ]*$', example: 'tzdata==2026.1' }),
      { max: 64 },
    ).default([]),
    python: text('Python version to use. Absent: the newest one found.', {
      min: 1,
      max: 16,
      pattern: '^3(\\.[0-9]{1,2}){0,2}$',
      example: '3.13',
    }).exactOptional(),
    resolvedBefore: resolvedBefore.exactOptional(),
  },
);

const command = object('A program that is already there.', {
  command: text('Program: a name looked up on PATH, or a path.', { min: 1, max: 1_024, example: 'node' }),
  args: args('the program'),
  cwd: text('Working directory. On a laptop relative to the manifest; absent: the directory of the manifest.', {
    min: 1,
    max: 1_024,
  }).exactOptional(),
  image: text('Container image that holds the program. Required in a cluster, unused by the process driver.', {
    min: 1,
    max: 512,
    pattern: '^[a-zA-Z0-9][!-~]*$',
  }).exactOptional(),
});

const image = object('A container image.', {
  image: text('Image reference; pin it by digest for anything you care about.', {
    min: 1,
    max: 512,
    pattern: '^[a-zA-Z0-9][!-~]*$',
    example: 'ghcr.io/example/files@sha256:9f...',
  }),
  command: list(
    'Program inside the image. Required for stdio servers in a cluster, since Kubernetes does not reveal an ENTRYPOINT.',
    text('One word.', { max: 4_096 }),
    { max: 64 },
  ).default([]),
  args: args('the image'),
});

const header = oneOf(
  'A request header.',
  {
    name: text('Header name.', {
      min: 1,
      max: 128,
      pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
      example: 'Authorization',
      rules: [
        {
          rule: `!(self.lowerAscii() in [${reservedHeaders.map((name) => `'${name}'`).join(', ')}])`,
          message: 'the hub sets this header itself; remove it',
        },
      ],
    }),
    value: text('Literal value. For anything secret use valueFrom.', {
      max: 4_096,
      pattern: '^[ -~\\t]*$',
    }).exactOptional(),
    valueFrom: object('Value from a Secret.', {
      secretKeyRef: keyRef('Secret'),
      prefix: text('Put before the secret.', { max: 128, pattern: '^[ -~]*$', example: 'Bearer ' }).exactOptional(),
    }).exactOptional(),
  },
  ['value', 'valueFrom'],
);

const headersField = list('Headers sent with every request.', header, {
  max: 32,
  type: 'map',
  keys: ['name'],
  rules: [
    {
      rule: 'self.all(h, self.exists_one(o, o.name.lowerAscii() == h.name.lowerAscii()))',
      message: 'header names do not differ by upper and lower case only; keep one of each',
    },
  ],
}).default([]);

const remote = object('A server that runs elsewhere and is reached over Streamable HTTP, HTTP+SSE or WebSocket.', {
  url: text('Its MCP endpoint. Credentials do not belong here: use headers.', {
    min: 8,
    max: 2_048,
    pattern: '^(https?|wss?)://[A-Za-z0-9._~:\\[\\]-]+(/[!-~]*)?(\\?[!-~]*)?$',
    example: 'https://mcp.example.com/mcp',
    rules: [{ rule: "!self.contains('#')", message: 'remove the fragment (#...): it is never sent to a server' }],
  }),
  endpoints: list(
    'Addresses of its replicas. Connections go there, each call to one that is quick and not busy; the URL still says path, host name and TLS. Absent: where the URL leads.',
    text('`host:port`; an IPv6 address in brackets.', {
      min: 3,
      max: 300,
      pattern: '^([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$',
      example: '10.0.0.7:8080',
    }),
    { max: 64, min: 1, type: 'set' },
  ).exactOptional(),
  headers: headersField,
});

const hub = oneOf(
  'Another Quaymaster hub, with all that it offers: hubs may stand behind hubs, as long as none stands behind itself.',
  {
    name: text('Name of an McpHub of the same namespace.', {
      min: 1,
      max: 52,
      pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$',
      example: 'shared',
    }).exactOptional(),
    url: text('Endpoint of a hub somewhere else. Credentials do not belong here: use headers.', {
      min: 8,
      max: 2_048,
      pattern: '^https?://[A-Za-z0-9._~:\\[\\]-]+(/[!-~]*)?(\\?[!-~]*)?$',
      rules: [{ rule: "!self.contains('#')", message: 'remove the fragment (#...): it is never sent to a server' }],
    }).exactOptional(),
    headers: headersField,
  },
  ['name', 'url'],
);

export const sourceField = oneOf(
  'Where the server comes from: exactly one member.',
  {
    npm: npm.exactOptional(),
    pypi: pypi.exactOptional(),
    command: command.exactOptional(),
    image: image.exactOptional(),
    remote: remote.exactOptional(),
    hub: hub.exactOptional(),
  },
  ['npm', 'pypi', 'command', 'image', 'remote', 'hub'],
  { example: { npm: { package: '@modelcontextprotocol/server-memory', version: '2026.8.31' } } },
);
