/** A label of ours, and a text in rows to the right of it. */
export function row(label: string, text: string, columns: number): string[] {
  const isLong = label.length > LABEL - 3;
  const rows = hang(isLong ? ' '.repeat(LABEL) : `  ${label}`.padEnd(LABEL), text, columns);
  return isLong ? [...wrap(label, columns - 3).map((part) => `  ${part}`), ...rows] : rows;
}

/** Something to look out for. */
export function note(text: string, columns: number): string[] {
  return hang('  ! ', text, columns);
}

/** The rows of a text behind its beginning. */
export function hang(beginning: string, text: string, columns: number): string[] {
  const indent = Math.min(beginning.length, Math.max(LABEL, columns - 24));
  const parts = wrap(text, columns - 1 - indent);
  if (beginning.length > indent) return [beginning.trimEnd(), ...parts.map((part) => ' '.repeat(LABEL) + part)];
  return parts.map((part, i) => (i === 0 ? beginning : ' '.repeat(indent)) + part);
}

/** Our own short texts side by side as far as they fit. */
export function flow(parts: readonly string[], gap: string, columns: number): string[] {
  const rows: string[] = [];
  for (const part of parts) {
    const last = rows.at(-1);
    if (last !== undefined && (last + gap + part).length < columns) rows[rows.length - 1] = last + gap + part;
    else rows.push(...wrap(part, columns - 1));
  }
  return rows;
}

/** Cut into rows by columns. Of what is not ASCII each character is taken for two: no row becomes longer than it may. */
function wrap(text: string, width: number): string[] {
  const most = Math.max(LEAST, width);
  const rows: string[] = [];
  let current = '';
  let used = 0;
  for (const character of text) {
    const wide = character > '~' && character !== '…' && character !== '·' ? 2 : 1;
    if (used + wide > most) {
      rows.push(current);
      current = '';
      used = 0;
    }
    current += character;
    used += wide;
  }
  return [...rows, current];
}

const LABEL = 12;
/** what a person still reads; below it a row would hold next to nothing */
const LEAST = 8;
