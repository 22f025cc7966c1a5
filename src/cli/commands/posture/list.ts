import type { Command } from 'commander';
import { narrowerOf, type Posture } from '../../../posture/posture.ts';
import { recommendTools } from '../../../posture/recommendation.ts';
import type { PostureOverride } from '../../../posture/registry.ts';
import { count } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { noteKindless } from '../../principal.ts';
import { sayList } from '../../table.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('how each tool is treated')
    .description('List how each tool is treated and what decides it; suggest what could be always allowed.')
    .option('--session <session>', 'in this session')
    .option('--agent <principal>', 'for this principal')
    .action(
      ending(cli, async ({ session, agent }) => {
        const { output, world } = cli;
        noteKindless(cli, agent);
        const { readApprovals } = await import('../../../flows/find-approval.ts');
        const { readPostures } = await import('../../../flows/read-postures.ts');
        const { settings } = await cli.config();
        const { clock } = world;
        const store = await cli.store();
        const caller = { principal: agent ?? '', sessionId: session ?? '' };
        const { tools, postureOf, overrides } = await readPostures({ store, clock }, settings, caller);
        const items = tools.map(postureOf);
        const asked = new Set(items.filter(({ state }) => state === 'ask_each_time').map(({ tool }) => tool));
        const suggested = recommendTools(await readApprovals({ store }), clock()).filter(({ tool }) => asked.has(tool));
        const recommended = new Map(suggested.map((one) => [one.tool, one]));
        const narrower = ({ tool }: { readonly tool: string }) => narrowerOf(overrides, tool, clock());
        await sayList(output, {
          schema: 'palyra.posture.list/1',
          items,
          columns: [
            { heading: 'tool', cell: ({ tool }) => tool },
            { heading: 'posture', cell: ({ state }) => state },
            { heading: 'by', cell: (one) => byWords(one, narrower(one)), value: ({ source }) => source },
            { heading: 'because', cell: ({ why }) => why },
            { heading: 'narrower', cell: (one) => narrower(one).map(scopeWords).join(', ') },
          ],
          record: (posture) => ({
            ...posture,
            recommended: recommended.has(posture.tool) ? 'always_allow' : null,
            narrower: narrower(posture).map(({ scope_kind, scope_id, state }) => ({ scope_kind, scope_id, state })),
          }),
          empty: 'no tool is known',
        });
        for (const { tool, approvals } of suggested) {
          output.note(`${tool} was allowed ${count(approvals, 'time')} in 14 days and never denied`);
          output.note(`palyra posture set ${tool} always_allow`);
        }
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'every tool', command: 'palyra posture list' }],
    exits: ['ok', 'usage', 'not_found', 'unsafe_state'],
  });
}

/** `global, 1 narrower`: the last column, which says which, may be cut off. */
function byWords({ source }: Posture, narrower: readonly PostureOverride[]): string {
  return narrower.length === 0 ? source : `${source}, ${narrower.length} narrower`;
}

function scopeWords({ scope_kind, scope_id, state }: PostureOverride): string {
  return `${scope_kind} ${scope_id}: ${state}`;
}
