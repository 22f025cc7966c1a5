/** What a sed script does beyond text; `files`: what it reads and writes; `unreadable`: not sed as this check knows it. */
export interface SedScript {
  readonly runsCommands: boolean;
  readonly writes: readonly string[];
  readonly reads: readonly string[];
  readonly unreadable: boolean;
}

/**
 * Read a sed script far enough to find `e`, `w`, `r` and the flags of `s`. Source: POSIX sed, GNU sed 4.9.
 * A delimiter inside `[…]` is text to new seds and ends the expression for old ones: both readings count.
 */
export function readSedScript(script: string): SedScript {
  const [modern, old] = [readAs(script, true), readAs(script, false)];
  return {
    runsCommands: modern.runsCommands || old.runsCommands,
    writes: [...modern.writes, ...old.writes],
    reads: [...modern.reads, ...old.reads],
    unreadable: modern.unreadable,
  };
}

function readAs(script: string, brackets: boolean): SedScript {
  const found = { runsCommands: false, writes: [] as string[], reads: [] as string[], unreadable: false };
  let at = 0;
  while (at < script.length) {
    at = skip(script, at, /[\s;}]*/y);
    const address = readAddresses(script, at, brackets);
    if (address === undefined) return { ...found, unreadable: true };
    at = address;
    const command = script[at];
    if (command === undefined) break;
    at += 1;
    if (command === '{' || command === '}') continue;
    if (command === '#' || 'aci'.includes(command)) {
      at = skip(script, at, /(?:\\[\s\S]|[^\\\n])*/y);
    } else if (command === 'e') {
      return { ...found, runsCommands: true };
    } else if ('wW'.includes(command) || 'rR'.includes(command)) {
      const end = skip(script, at, /[^\n]*/y);
      ('wW'.includes(command) ? found.writes : found.reads).push(script.slice(at, end).trim());
      at = end;
    } else if (command === 's' || command === 'y') {
      const end = readSubstitution(script, at, brackets && command === 's');
      if (end === undefined) return { ...found, unreadable: true };
      // the flags e and w are read as the commands of that name
      at = skip(script, end, /[gpimIM0-9]*/y);
    } else if (':btTv'.includes(command)) {
      // a blank (of ASCII) ends a label, and the next command may follow it
      at = skip(script, at, /[ \t]*[^ \t\n\v\f\r;}]*/y);
    } else if ('lLqQ'.includes(command)) {
      at = skip(script, at, /[^\n;}]*/y);
    } else if (!'dDgGhHnNpPxzF='.includes(command) || !/[\s;}#]|$/y.test(script.slice(at, at + 1))) {
      return { ...found, unreadable: true };
    }
  }
  return found;
}

function skip(text: string, at: number, pattern: RegExp): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}

/** @returns where the command letter stands, or undefined for an address without end */
function readAddresses(script: string, start: number, brackets: boolean): number | undefined {
  let at = start;
  for (let n = 0; n < 2; n++) {
    if (n === 1) {
      if (script[at] !== ',') break;
      at = skip(script, at + 1, /\s*/y);
    }
    const mark = script[at];
    if (mark === '/' || mark === '\\') {
      const delimiter = mark === '/' ? at : at + 1;
      const end = readUntil(script, delimiter + 1, script[delimiter] ?? '', brackets);
      if (end === undefined) return undefined;
      at = skip(script, end, /[IM]*/y);
    } else {
      at = skip(script, at, /[0-9$+~]*/y);
    }
    at = skip(script, at, /\s*/y);
  }
  return skip(script, at, /[!\s]*/y);
}

function readSubstitution(script: string, at: number, brackets: boolean): number | undefined {
  const delimiter = script[at] ?? '';
  if (delimiter === '' || delimiter === '\n' || delimiter === '\\') return undefined;
  const middle = readUntil(script, at + 1, delimiter, brackets);
  return middle === undefined ? undefined : readUntil(script, middle, delimiter, false);
}

/** @returns the position after the next unescaped delimiter */
function readUntil(script: string, start: number, delimiter: string, brackets: boolean): number | undefined {
  for (let at = start; at < script.length; at++) {
    if (script[at] === '\\') at += 1;
    else if (script[at] === delimiter) return at + 1;
    else if (brackets && script[at] === '[') at = Math.max(at, skip(script, at, /\[\^?\]?[^\]]*\]/y) - 1);
  }
  return undefined;
}
