import type { Command as TypedCommand } from '@commander-js/extra-typings';
import { Command, Help } from 'commander';
import type { ExitName } from './exits.ts';

/** What a page says beyond summary and options. */
export interface Words {
  /** what a person needs to know before using it, in whole sentences; paragraphs parted by a blank line */
  readonly about?: string;
  /** commands that work as they stand, in an empty folder; tests run them */
  readonly examples: readonly Example[];
  readonly exits: readonly ExitName[];
}

export interface Example {
  readonly says: string;
  readonly command: string;
}

const WORDS = new WeakMap<Command, Words>();

/** A verb: commander's Command with options typed from their declaration (the types are extra-typings', the code commander's). */
export function command<const Name extends string>(name: Name): TypedCommand<[], Record<never, never>> {
  return new Command(name) as unknown as TypedCommand<[], Record<never, never>>;
}

/** Give a verb its words; returns it as commander's own Command, which is what nouns and the program take. */
export function worded(verb: object, words: Words): Command {
  const subject = verb as Command;
  WORDS.set(subject, words);
  return subject;
}

/** The words of a command; none for a noun. */
export function wordsOf(subject: Command): Words | undefined {
  return WORDS.get(subject);
}

/** The commands from the root down to this one: `['palyra', 'policy', 'check']`. */
export function pathOf(subject: Command): string[] {
  const path = [subject.name()];
  for (let parent = subject.parent; parent !== null; parent = parent.parent) path.unshift(parent.name());
  return path;
}

/** Gather a repeatable option: `.option('--tool <tool>', '…', gather, [])`. */
export function gather(value: string, before: string[]): string[] {
  return [...before, value];
}

/** Commander's own page, with about, examples and exits around it. */
export function formatPage(subject: Command, helper: Help): string {
  const words = wordsOf(subject);
  const page = Help.prototype.formatHelp.call(helper, subject, helper);
  if (words === undefined) return page;
  const about = words.about === undefined ? '' : `\n${words.about}\n`;
  const examples = words.examples
    .map(({ says, command: line }) => `  # ${says}\n  ${line.replaceAll('\n', '\n  ')}\n`)
    .join('');
  const exits = `${words.exits.join(', ')} (palyra help exit-codes)`;
  return `${page}${about}\nExamples:\n${examples}\nExits: ${exits}\n`;
}
