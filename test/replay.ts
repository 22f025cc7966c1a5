import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { newPlace } from './palyra.ts';

/** Run each command of a transcript, in order, in one place; comments (`# …`) and blank lines between stay. */
export async function replay(transcript: string): Promise<string> {
  const place = newPlace();
  let replayed = '';
  for (const block of transcript.split(/^(?=\$ )/m)) {
    if (!block.startsWith('$ ')) {
      replayed += block;
      continue;
    }
    const [first = '', ...rest] = block.split('\n');
    const command = [first.slice(2)];
    while (command.at(-1)?.endsWith('\\') === true) command.push(rest.shift() ?? '');
    const end = /<<'(\w+)'/.exec(first)?.[1];
    while (end !== undefined && rest.length > 0 && command.at(-1) !== end) command.push(rest.shift() ?? '');
    const { stdout, code } = await place.bash(`exec 2>&1\n${command.join('\n')}`);
    const said = steady(stdout, place.folder);
    // what follows the output up to the next command is a comment of the transcript's own
    const comments = rest.slice(
      rest.findIndex((line, i) => line === '' && rest.slice(i).every((next) => next === '' || next.startsWith('#'))),
    );
    replayed += `$ ${command.join('\n')}\n${said}${said === '' || said.endsWith('\n') ? '' : '\n'}${code === 0 ? '' : `[exit ${code}]\n`}${comments.join('\n')}`;
  }
  return replayed;
}

/** What differs from run to run, by its name. */
function steady(text: string, folder: string): string {
  return text
    .replaceAll(folder, '<here>')
    .replaceAll(dirname(folder), '<home>')
    .replaceAll(`${userInfo().homedir}/.config`, '<account>/.config')
    .replaceAll(`user:${userInfo().username}`, 'user:<me>')
    .replace(/palyra(i?)_[0-9A-Za-z]{49}/g, 'palyra$1_<secret>')
    .replace(/\bpalyra(i?)_(?!<)[0-9A-Za-z]{4}\b/g, 'palyra$1_<4>')
    .replace(/\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b/g, '<ulid>')
    .replace(/…[0-9A-HJKMNP-TV-Z]{6}\b/g, '…<id>')
    .replace(/\b[0-9a-f]{64}\b/g, '<sha256>')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
    .replace(/\b\d{4}-\d\d-\d\d\b/g, '<date>')
    .replace(/\b1[78]\d{11}\b/g, '<unix_ms>');
}
