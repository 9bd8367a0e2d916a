import { expect, test } from 'vitest';

import { debianArchive, parseOffers } from './apt.ts';

const stanzas = `
Types: deb
# http://old.example/debian
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;
const lines = `
# deb http://off.example/debian bookworm main
deb [signed-by=/k.gpg] http://other.example/apt cloud-bookworm main
deb http://engine.example/linux/debian bookworm stable
deb [arch=amd64] http://lines.example/debian/ trixie main contrib
deb http://lines.example/debian-security trixie-security main
`;

test('the Debian archive is found in both forms of sources, whatever release the machine has, and no other archive is taken for it', () => {
  const archive = { main: 'http://mirror.example/debian', security: 'http://mirror.example/debian-security' };
  expect(debianArchive({}, [stanzas])).toEqual(archive);
  expect(debianArchive({}, [lines])).toEqual({
    main: 'http://lines.example/debian/',
    security: 'http://lines.example/debian-security',
  });
});

test('a named mirror wins; without any the message says how to name one', () => {
  expect(debianArchive({ QM_DEBIAN_MIRROR: 'http://snapshot.example' }, [stanzas])).toEqual({
    main: 'http://snapshot.example',
    security: undefined,
  });
  expect(() => debianArchive({}, ['deb http://x.example/ubuntu noble main'])).toThrow('QM_DEBIAN_MIRROR');
});

test('offers are read from stanzas; a package for all architectures is one for each', () => {
  const text = `Package: libc6
Architecture: arm64
Version: 2.41-12
Description: GNU
 C library
SHA256: aa

Package: tzdata
Architecture: all
Version: 2026f
SHA256: bb

Package: half
`;
  expect(parseOffers(text)).toEqual([
    { name: 'libc6', architecture: 'arm64', version: '2.41-12', sha256: 'aa' },
    { name: 'tzdata', architecture: 'amd64', version: '2026f', sha256: 'bb' },
    { name: 'tzdata', architecture: 'arm64', version: '2026f', sha256: 'bb' },
  ]);
});
