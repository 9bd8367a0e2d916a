/** Repeating these changes nothing at the server. Annotations of tools are not trusted for that. */
export function onlyReads(method: string): boolean {
  switch (method) {
    case 'resources/read':
    case 'prompts/get':
    case 'completion/complete':
      return true;
    default:
      return false;
  }
}
