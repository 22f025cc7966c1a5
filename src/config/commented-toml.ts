import { SETTINGS, type Setting, type SettingKey, settingKeys, type Value } from './settings.ts';

/** A palyra.toml with every setting at its default, said in a comment, and what was asked for switched on. */
export function commentedToml(tools: readonly string[], executables: readonly string[]): string {
  const chosen = new Map<SettingKey, Value>();
  if (tools.length > 0) chosen.set('tool_call.allowed_tools', tools);
  if (tools.includes('palyra.process.run') || executables.length > 0)
    chosen.set('tool_call.process_runner.enabled', true);
  if (executables.length > 0) chosen.set('tool_call.process_runner.allowed_executables', executables);
  const lines = ['# palyra.toml: what your agents may do. Everything that is not allowed here is denied.'];
  let table = '';
  for (const key of settingKeys()) {
    const path = key.split('.');
    const name = path.pop() ?? key;
    const own = key === 'skills' ? 'skills' : path.join('.');
    if (own !== table) {
      table = own;
      lines.push('', `[${table}]`);
    }
    const setting: Setting = SETTINGS[key];
    if (key === 'skills') lines.push(`# "acme.report" = "active"${' '.repeat(15)}# ${COMMENTS[key]}`);
    else
      lines.push(
        `${name} = ${JSON.stringify(chosen.get(key) ?? setting.initial)}`.padEnd(39).concat(` # ${COMMENTS[key]}`),
      );
  }
  return `${lines.join('\n')}\n`;
}

const COMMENTS = {
  'policy.paths': 'your .cedar files and folders, evaluated together with the baseline',
  'tool_call.allowed_tools': '["palyra.echo", "palyra.process.run", …]',
  'tool_call.allowed_skills': '["acme.report", …]',
  'tool_call.allow_sensitive_tools': 'true: sensitive tools and actions need no approval',
  'tool_call.max_calls_per_run': '0: no limit',
  'tool_call.sensitive_actions': 'actions that need an approval',
  'tool_call.tool_execute_principal_allowlist': 'who may run tools; empty: any',
  'tool_call.tool_execute_channel_allowlist': 'from which channels; empty: any',
  'tool_call.process_runner.enabled': 'palyra exec',
  'tool_call.process_runner.tier': '"b": limits only, "c": bubblewrap',
  'tool_call.process_runner.egress_enforcement_mode': '"none", "preflight" or "strict"',
  'tool_call.process_runner.workspace_root': 'the folder that commands may write to',
  'tool_call.process_runner.allowed_executables': '["git", "npm"], ["*"] for any',
  'tool_call.process_runner.allow_interpreters': 'python, node, sh …: they can do anything within the sandbox',
  'tool_call.process_runner.allowed_egress_hosts': '"registry.example.org", "127.0.0.1:5432"',
  'tool_call.process_runner.allowed_dns_suffixes': '".example.org"',
  'tool_call.process_runner.timeout_ms': 'wall time',
  'tool_call.process_runner.cpu_time_limit_ms': 'CPU time',
  'tool_call.process_runner.memory_limit_bytes': '1 GiB',
  'tool_call.process_runner.max_output_bytes': '1 MiB; past it the command is stopped',
  'tool_call.process_runner.max_processes': 'processes and threads',
  'tool_call.process_runner.max_file_size_bytes': '64 MiB',
  'tool_call.process_runner.max_open_files': 'open files',
  'tool_call.process_runner.tmp_size_bytes': '256 MiB of /tmp',
  skills: '"active", "quarantined" or "disabled"',
  'approvals.timeout_seconds': 'how long an approval waits for its answer',
  'approvals.scripted_resolve': 'true: approvals resolve works without a terminal',
} as const satisfies Record<SettingKey, string>;
