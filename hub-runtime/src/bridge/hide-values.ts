/**
 * Takes the values of secrets out of what a child says, before anybody sees it.
 *
 * A server that fails likes to print what it was given, and its last words go far: into error messages of callers, health pages, status, logs.
 * Masking by shape cannot know a password; whoever resolved it can. Short values (under 4 characters) would hide half of every text and
 * stay. A value of several lines is hidden line by line, as it is read. Runs per line of stderr, never on messages.
 */
const hidden = '[masked]';
const shortest = 4;

export function hideValues(values: readonly string[] | undefined): (text: string) => string {
  const lines = (values ?? []).flatMap((value) => [value, ...value.split(/\r?\n/)]).map((value) => value.trim());
  // Longest first: one value may hold another.
  const parts = [...new Set(lines)].filter((part) => part.length >= shortest).sort((a, b) => b.length - a.length);
  if (parts.length === 0) return (text) => text;
  return (text) => {
    let out = text;
    for (const part of parts) if (out.includes(part)) out = out.replaceAll(part, hidden);
    return out;
  };
}
