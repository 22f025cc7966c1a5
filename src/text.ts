/**
 * One function for everything that was ever outside: escape visibly, never strip, so that what is shown is what is bound.
 * Backslash is doubled, so an escape cannot be imitated. Source of the classes: Unicode 16, UTS #39, "Trojan Source".
 */
export function printable(text: string, { lines = false }: { readonly lines?: boolean } = {}): string {
  if (PLAIN.test(text)) return text;
  return text.replace(HOSTILE, (character) => {
    if (character === '\\') return '\\\\';
    if (character === '\n' && lines) return character;
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** How many characters of a text would be shown escaped (a backslash does not count: it hides nothing). */
export function countHostile(text: string): number {
  if (PLAIN.test(text)) return 0;
  return (text.match(HOSTILE) ?? []).filter((character) => character !== '\\').length;
}

/** Whether a label, principal or id may be stored: nothing in it would have to be escaped to be seen. */
export function isPlain(text: string): boolean {
  return countHostile(text) === 0;
}

/**
 * A name from outside among words of ours: as it is where it holds nothing but what names are made of, else quoted as JSON
 * text, so that no blank or separator in it can begin something new. Like everything foreign it still passes printable().
 */
export function nameWords(name: string): string {
  return NAME.test(name) ? name : JSON.stringify(name);
}

/** A path as it is typed in a shell. */
export function shellWord(path: string): string {
  return /^[\w./@%+=:,~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** JSON in ASCII: whoever prints it raw on a terminal shows no control or direction-changing character. */
export function asciiJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent) ?? 'null';
  if (ASCII.test(json)) return json;
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The names nearest to a mistyped one, best first, at most `limit`; none if nothing is near. */
export function nearest(name: string, names: Iterable<string>, limit = 1): string[] {
  const wanted = name.slice(0, 128).toLowerCase();
  const reach = Math.max(1, Math.floor(wanted.length / 3));
  const near: { name: string; distance: number }[] = [];
  for (const candidate of names) {
    const distance = editDistance(wanted, candidate.toLowerCase(), reach);
    if (distance <= reach) near.push({ name: candidate, distance });
  }
  near.sort((a, b) => a.distance - b.distance || compareText(a.name, b.name));
  return near.slice(0, limit).map((candidate) => candidate.name);
}

/** A hint for a mistyped name: the nearest one, where one is near, and the command that lists them all. */
export function didYouMean(name: string, names: Iterable<string>, listing: string): string {
  const [near] = nearest(name, names);
  return near === undefined ? listing : `did you mean ${near}?   ${listing}`;
}

/** Order by code unit: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `1 token`, `3 tokens`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}

/** Optimal string alignment distance (a swap of neighbours is one step), given up beyond `reach`. */
function editDistance(a: string, b: string, reach: number): number {
  if (Math.abs(a.length - b.length) > reach) return reach + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

const NAME = /^[A-Za-z0-9_:@./+-]+$/;
const ASCII = /^[\n\x20-\x7e]*$/;
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
// C0, DEL, C1, line and paragraph separators, lone surrogates, private use, noncharacters; format characters (bidi, tags,
// soft hyphen, BOM …); whatever Unicode lets a terminal leave out (zero-width, Hangul fillers, variation selectors …);
// the object replacement; and letters that look like a blank: Braille, Egyptian, Khitan, a note without a head
const HOSTILE =
  /[\\\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{13441}\u{13442}\u{16fe4}\u{1d159}]/gu;
