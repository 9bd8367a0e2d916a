/** Which Debian packages each layer is taken from. Their checksums are in `pins.json`. */

/** Libraries of Node, and of native modules in runner images. gcc-14-base is there for its copyright file, which the libraries link to. */
export const basePackages = ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1', 'gcc-14-base'] as const;

/** A static shell and the small programs that servers from packages call. */
export const shellPackages = ['busybox-static'] as const;

/** Python, the libraries its modules need, time zones, and the certificate authorities that its ssl module looks for in /etc/ssl. */
export const pythonPackages = [
  'python3.13-minimal',
  'libpython3.13-minimal',
  'libpython3.13-stdlib',
  'zlib1g',
  'libssl3t64',
  'libzstd1',
  'libexpat1',
  'libbz2-1.0',
  'libffi8',
  'liblzma5',
  'libsqlite3-0',
  'libncursesw6',
  'libtinfo6',
  'libreadline8t64',
  'libuuid1',
  'ca-certificates',
  'tzdata',
] as const;

export const allPackages: readonly string[] = [...basePackages, ...shellPackages, ...pythonPackages];
