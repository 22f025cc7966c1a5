import type { PostureScope, PostureWish } from './change.ts';
import type { PostureState } from './registry.ts';

/** A set of postures that belong together; tools without their `palyra.` prefix. */
interface Preset {
  readonly about: string;
  readonly states: Partial<Readonly<Record<PostureState, readonly string[]>>>;
}

const VIEWING = ['memory.search', 'browser.title', 'browser.observe', 'browser.viewport'];
const STEERING = ['browser.navigate', 'browser.click', 'browser.type'];

export const PRESETS = {
  conservative_coding: {
    about: 'coding with a person beside it; no browser',
    states: {
      always_allow: ['memory.search'],
      ask_each_time: ['memory.recall', 'process.run', 'fs.apply_patch', 'http.fetch'],
      disabled: STEERING,
    },
  },
  browser_assist: {
    about: 'looking at pages freely, steering them with approval',
    states: { always_allow: [...VIEWING, 'browser.tabs.list'], ask_each_time: ['memory.recall', ...STEERING] },
  },
  read_mostly_research: {
    about: 'reading and looking; nothing is run or changed',
    states: {
      always_allow: VIEWING,
      ask_each_time: ['memory.recall', 'http.fetch', 'browser.screenshot'],
      disabled: ['process.run', 'fs.apply_patch'],
    },
  },
  automation_review: {
    about: 'unattended work, each change of the world approved',
    states: {
      always_allow: ['memory.search', 'browser.viewport'],
      ask_each_time: ['memory.recall', 'http.fetch', 'process.run', 'fs.apply_patch', ...STEERING],
    },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;

/** What a preset sets in a scope. */
export function presetWishes(name: PresetName, scope: PostureScope): PostureWish[] {
  const { states }: Preset = PRESETS[name];
  return Object.entries(states).flatMap(([state, tools]) =>
    tools.map((tool) => ({ tool: `palyra.${tool}`, scope, state: state as PostureState })),
  );
}
