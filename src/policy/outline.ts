/** A line of a batch, and what of it decides nothing. */
export interface Outline {
  /** the line without those values: two lines with the same outline are the same request but for them */
  readonly text: string;
  /** the value of `id`, as it is written: a text without escapes, or a whole number; undefined if there is none */
  readonly id: string | number | undefined;
}

/**
 * Take `id` and members that nothing looks at out of a line of JSON, without parsing it.
 *
 * Sound for lines that are valid JSON: in a line without a backslash each quote opens or closes a text, so `"name":"` can
 * only be a key and the beginning of its value, for otherwise the name would stand outside of a text. A value is taken out
 * only if it is plain, so that any other plain one could stand in its place: what was found out about one line (it parses,
 * no key is there twice, none is unknown) then holds for each with the same outline.
 * @returns undefined if that cannot be told
 */
export function outlineOf(line: string, ignored: readonly string[]): Outline | undefined {
  if (line.length > LINE_LENGTH || line.includes('\\')) return undefined;
  let id: string | number | undefined;
  let text = line;
  const at = text.indexOf(ID);
  if (at !== -1) {
    const start = at + ID.length;
    const number = text[start] === '"' ? null : text.slice(start, endOfNumber(text, start));
    if (number === null) {
      const end = text.indexOf('"', start + 1);
      id = text.slice(start + 1, end);
      if (end === -1 || !PLAIN.test(id)) return undefined;
      text = text.slice(0, start + 1) + text.slice(end);
    } else {
      if (!WHOLE.test(number)) return undefined;
      id = Number(number);
      text = text.slice(0, start) + text.slice(start + number.length);
    }
  }
  for (const name of ignored) {
    const key = `"${name}":"`;
    const found = text.indexOf(key);
    if (found === -1) continue;
    const start = found + key.length;
    const end = text.indexOf('"', start);
    if (end === -1 || !PLAIN.test(text.slice(start, end))) return undefined;
    text = text.slice(0, start) + text.slice(end);
  }
  return { text, id };
}

function endOfNumber(text: string, start: number): number {
  let end = start;
  while (text.charCodeAt(end) >= 0x30 && text.charCodeAt(end) <= 0x39) end++;
  return end;
}

const ID = '"id":';
// what JSON needs no escape for and no limit refuses: printable ASCII but for quote and backslash
const PLAIN = /^[ !#-[\]-~]{0,256}$/;
const WHOLE = /^(?:0|[1-9][0-9]{0,14})$/;
const LINE_LENGTH = 2048;
