import type { Command } from 'commander';
import { PalyraError } from '../../errors.ts';
import { nearest } from '../../text.ts';
import { type Cli, ending } from '../cli.ts';
import { command, worded } from '../command.ts';
import { buildProgram } from '../program.ts';
import { TOPICS } from '../topics.ts';

export function help(cli: Cli): Command {
  const verb = command('help')
    .summary('show the help of a command or topic')
    .description('Show the help of a command, or a topic.')
    .argument('[name...]', `a command (policy check), or a topic: ${TOPICS.map(({ name }) => name).join(', ')}`)
    .action(ending(cli, (names) => showHelp(cli, names)));
  return worded(verb, {
    examples: [
      { says: 'what each exit code means', command: 'palyra help exit-codes' },
      { says: 'the page of a command', command: 'palyra help policy check' },
    ],
    exits: ['ok', 'usage'],
  });
}

async function showHelp(cli: Cli, names: readonly string[]): Promise<'ok'> {
  const topic = names.length === 1 ? TOPICS.find(({ name }) => name === names[0]) : undefined;
  cli.output.answer(topic === undefined ? await pageOf(cli, names) : topic.text());
  return 'ok';
}

async function pageOf(cli: Cli, names: readonly string[]): Promise<string> {
  let subject = await buildProgram(cli, '', names[0]);
  for (const name of names) {
    const child = subject.commands.find((candidate) => candidate.name() === name);
    if (child === undefined)
      throw unknownName(name, [...subject.commands.map((one) => one.name()), ...TOPICS.map((one) => one.name)]);
    subject = child;
  }
  const topics = TOPICS.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`).join('\n');
  return names.length === 0
    ? `${subject.helpInformation()}\nTopics (palyra help TOPIC):\n${topics}`
    : subject.helpInformation().trimEnd();
}

function unknownName(name: string, names: readonly string[]): PalyraError {
  const [near] = nearest(name, names);
  return new PalyraError('usage.unknown', `no command or topic ${name.slice(0, 60)}`, {
    hint: near === undefined ? 'palyra help' : `did you mean ${near}?`,
  });
}
