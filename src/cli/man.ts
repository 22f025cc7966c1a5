import type { Command, Option } from 'commander';
import { pathOf, wordsOf } from './command.ts';
import { EXITS } from './exits.ts';
import type { Topic } from './topics.ts';

/** A manual page: its file name in man/ and its text in man(7)'s macros. */
export interface Page {
  readonly file: string;
  readonly text: string;
}

/** A page for palyra itself and one for each verb, from the command tree, so that they cannot say anything else. */
export function manualPages(program: Command, topics: readonly Topic[]): Page[] {
  return [rootPage(program, topics), ...program.commands.flatMap((command) => verbPages(command, program))];
}

function verbPages(subject: Command, program: Command): Page[] {
  if (subject.commands.length > 0) return subject.commands.flatMap((child) => verbPages(child, program));
  return [verbPage(subject, program)];
}

function rootPage(program: Command, topics: readonly Topic[]): Page {
  const verbs = program.commands.flatMap(leaves);
  return page('palyra', 'decides what AI agents may do', [
    section('SYNOPSIS', ['.B palyra', '[\\fIoptions\\fR] \\fInoun verb\\fR [\\fIarguments\\fR]']),
    section('DESCRIPTION', [roff(program.description())]),
    section(
      'COMMANDS',
      verbs.flatMap((verb) => ['.TP', `.BR ${pathOf(verb).join('\\-')} (1)`, roff(verb.summary())]),
    ),
    section('OPTIONS', program.options.filter(({ long }) => long !== '--version').flatMap(optionLines)),
    ...topics.map(({ name, text }) => section(name.toUpperCase(), ['.nf', ...text().split('\n').map(roff), '.fi'])),
  ]);
}

function leaves(subject: Command): Command[] {
  return subject.commands.length === 0 ? [subject] : subject.commands.flatMap(leaves);
}

function verbPage(subject: Command, program: Command): Page {
  const path = pathOf(subject);
  const words = wordsOf(subject);
  const name = path.join('-');
  return page(name, subject.summary(), [
    section('SYNOPSIS', [`.B ${roff(path.join(' '))}`, roff(subject.usage())]),
    section('DESCRIPTION', [
      roff(subject.description()),
      ...(words?.about === undefined ? [] : ['.PP', ...paragraphs(words.about)]),
    ]),
    ...(subject.registeredArguments.length === 0
      ? []
      : [
          section(
            'ARGUMENTS',
            subject.registeredArguments.flatMap((argument) => [
              '.TP',
              `.I ${roff(argument.name())}`,
              roff(argument.description),
            ]),
          ),
        ]),
    ...(subject.options.length === 0 ? [] : [section('OPTIONS', subject.options.flatMap(optionLines))]),
    section('COMMON OPTIONS', [
      `Every command takes ${program.options
        .filter(({ long }) => long !== '--version')
        .map((option) => `\\fB${roff(option.long ?? '')}\\fR`)
        .join(', ')}; see`,
      '.BR palyra (1).',
    ]),
    section(
      'EXAMPLES',
      (words?.examples ?? []).flatMap(({ says, command }) => [
        '.PP',
        roff(`${capital(says)}:`),
        '.PP',
        '.RS 4',
        '.nf',
        ...command.split('\n').map(roff),
        '.fi',
        '.RE',
      ]),
    ),
    section(
      'EXIT STATUS',
      (words?.exits ?? []).flatMap((exit) => ['.TP', `.B ${EXITS[exit].code}`, roff(`${exit}: ${EXITS[exit].when}`)]),
    ),
    section('SEE ALSO', ['.BR palyra (1)']),
  ]);
}

function page(name: string, summary: string, sections: readonly string[]): Page {
  const head = [
    `.TH "${name.toUpperCase()}" "1" "" "palyra" "Palyra"`,
    '.nh',
    '.ad l',
    '.SH NAME',
    `${roff(name)} \\- ${roff(summary)}`,
  ];
  return { file: `${name}.1`, text: `${[...head, ...sections].join('\n')}\n` };
}

function section(title: string, lines: readonly string[]): string {
  return [`.SH ${title}`, ...lines].join('\n');
}

function optionLines(option: Option): string[] {
  const { defaultValue } = option;
  const initial =
    typeof defaultValue === 'string' || typeof defaultValue === 'number' ? ` (default: ${defaultValue})` : '';
  return ['.TP', `.B ${roff(option.flags)}`, roff(`${option.description}${initial}`)];
}

function paragraphs(text: string): string[] {
  return text
    .split('\n\n')
    .flatMap((paragraph, n) => [...(n === 0 ? [] : ['.PP']), ...paragraph.split('\n').map(roff)]);
}

/** A line that man(7) shows as it is: backslashes and hyphens escaped, a leading dot or quote made harmless. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
