/** How messages name a server: as it stands in the manifest. The namespace is said where one was written, which is where it is not `default`. */
export function serverName(key: string): string {
  return key.startsWith('default/') ? key.slice('default/'.length) : key;
}
