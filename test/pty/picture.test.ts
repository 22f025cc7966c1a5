import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { newPlace, PACKAGE } from '../palyra.ts';
import { openPane } from './pane.ts';

const PICTURE = join(PACKAGE, '.github/session.svg');

/** The picture of the README: a terminal's rows as they came. PALYRA_UPDATE=1 draws it anew. */
test('the picture shows what a terminal shows', async () => {
  const { folder } = newPlace();
  const home = dirname(folder);
  const pane = openPane({ name: 'picture', home, folder, env: { PS1: '\\[\\e[36m\\]$\\[\\e[0m\\] ' } });
  const check = 'palyra policy check --principal agent:report --action tool.execute --resource tool:palyra.echo';
  await pane.enter(check);
  await pane.enter('palyra init --tool palyra.echo');
  await pane.enter(check);
  await pane.enter('palyra policy check --principal agent:report --action memory.purge --resource memory:all');
  const drawn = draw(pane.painted().split('\n'));
  if (process.env.PALYRA_UPDATE === '1') writeFileSync(PICTURE, drawn);
  expect(drawn).toBe(readFileSync(PICTURE, 'utf8'));
});

const COLUMN = 8;
const ROW = 18;
const MARGIN = 16;
/** GitHub's own colours on dark ground, by SGR; dim and bold stand beside them */
const COLORS: Readonly<Record<number, string>> = { 31: '#ff7b72', 32: '#7ee787', 33: '#f2cc60', 36: '#79c0ff' };

function draw(rows: readonly string[]): string {
  const longest = Math.max(...rows.map((row) => row.replace(/\x1b\[[0-9;]*m/g, '').length));
  const width = longest * COLUMN + 2 * MARGIN;
  const height = rows.length * ROW + 2 * MARGIN;
  const texts = rows.flatMap((row, i) => {
    const spans = spansOf(row);
    return spans.length === 0
      ? []
      : [`  <text x="${MARGIN}" y="${MARGIN + (i + 1) * ROW - 5}">${spans.join('')}</text>`];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="a session with palyra in a terminal">`,
    `  <rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    `  <g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" fill="#e6edf3" xml:space="preserve">`,
    ...texts,
    '  </g>',
    '</svg>',
    '',
  ].join('\n');
}

/** A row cut where its colour changes; each piece keeps its width whatever the font. */
function spansOf(row: string): string[] {
  let style = '';
  let column = 0;
  return row.split(/(\x1b\[[0-9;]*m)/).flatMap((part) => {
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1];
    if (codes !== undefined) {
      for (const code of codes.split(';').map(Number)) style = styleAfter(style, code);
      return [];
    }
    if (part === '') return [];
    const x = MARGIN + column * COLUMN;
    column += [...part].length;
    const text = part.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
    return [`<tspan x="${x}" textLength="${[...part].length * COLUMN}"${style}>${text}</tspan>`];
  });
}

function styleAfter(style: string, code: number): string {
  const color = COLORS[code];
  if (color !== undefined) return `${style} fill="${color}"`;
  if (code === 1) return `${style} font-weight="bold"`;
  if (code === 2) return `${style} opacity="0.6"`;
  if (code === 39) return style.replace(/ fill="[^"]*"/, '');
  return code === 0 ? '' : style;
}
