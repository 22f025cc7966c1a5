/** What a git configuration says of other files: where its hooks are, and what it includes. Values as they stand. */
export interface GitConfigPaths {
  readonly hooks: readonly string[];
  readonly includes: readonly string[];
}

/**
 * Read a git configuration for the paths in it. Tolerant: what git would refuse is passed over, and every value counts,
 * also one that another takes the place of, or whose condition may not hold. Source: git-config(1).
 */
export function gitConfigPaths(text: string): GitConfigPaths {
  const hooks: string[] = [];
  const includes: string[] = [];
  let section = '';
  for (const line of text.replace(/\\\r?\n/g, '').split('\n')) {
    const [, header, rest = ''] = /^\s*\[\s*([\w.-]+)(?:\s+"(?:[^"\\]|\\.)*")?\s*\](.*)$/.exec(line) ?? [];
    if (header !== undefined) section = header.toLowerCase();
    const [, name, value] = /^\s*([A-Za-z][\w-]*)\s*=\s*(.*)$/.exec(header === undefined ? line : rest) ?? [];
    if (name === undefined || value === undefined) continue;
    if (section === 'core' && name.toLowerCase() === 'hookspath') hooks.push(plain(value));
    if (/^include(if)?(\.|$)/.test(section) && name.toLowerCase() === 'path') includes.push(plain(value));
  }
  return { hooks, includes };
}

/** A value without its quotes, escapes, and what follows it as a comment. */
function plain(value: string): string {
  let [out, quoted] = ['', false];
  for (let at = 0; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === '"') quoted = !quoted;
    else if (char === '\\') out += value.charAt(++at);
    else if (!quoted && (char === '#' || char === ';')) break;
    else out += char;
  }
  return out.trim();
}
