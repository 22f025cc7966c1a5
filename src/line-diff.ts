/** A piece of two texts: lines that both have, or that only the old (`-`) or the new (`+`) has. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

// beyond it the middle of the texts is shown as replaced: a table of so many cells is what memory bears
const CELLS = 4_000_000;
const AROUND = 2;

/** Two texts compared line by line, as hunks with two lines around each change. */
export function diffLines(before: string, after: string): DiffLine[][] {
  const lines = compare(before.split('\n'), after.split('\n'));
  const isNear = lines.map((_, i) =>
    lines.slice(Math.max(0, i - AROUND), i + AROUND + 1).some(({ sign }) => sign !== ' '),
  );
  const hunks: DiffLine[][] = [];
  for (const [i, line] of lines.entries()) {
    if (!isNear[i]) continue;
    if (!isNear[i - 1]) hunks.push([]);
    hunks.at(-1)?.push(line);
  }
  return hunks;
}

function compare(before: readonly string[], after: readonly string[]): DiffLine[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return [
    ...marked(' ', before.slice(0, start)),
    ...compareMiddles(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...marked(' ', before.slice(before.length - end)),
  ];
}

/** By the longest common subsequence. */
function compareMiddles(before: readonly string[], after: readonly string[]): DiffLine[] {
  const width = after.length + 1;
  if ((before.length + 1) * width > CELLS) return [...marked('-', before), ...marked('+', after)];
  const common = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      lines.push(...marked(' ', before.slice(i, i + 1)));
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) lines.push(...marked('-', before.slice(i, ++i)));
    else lines.push(...marked('+', after.slice(j, ++j)));
  }
  return [...lines, ...marked('-', before.slice(i)), ...marked('+', after.slice(j))];
}

function marked(sign: DiffLine['sign'], texts: readonly string[]): DiffLine[] {
  return texts.map((text) => ({ sign, text }));
}
