import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newPlace } from '../palyra.ts';

const LIST = ['policy', 'check', '--principal', 'user:ops', '--action', 'tool.list', '--resource', 'tool:any'];
const FORBID = '@id("all") forbid (principal, action, resource);\n';

describe('a forbid is not lost with its file', () => {
  test('in a FIFO whose writer has not come yet', async () => {
    const { bash } = newPlace();
    expect((await bash(`mkfifo p; timeout 20 palyra ${LIST.join(' ')} --policies p`)).code).toBe(2);
    expect((await bash(`mkfifo c; timeout 20 palyra ${LIST.join(' ')} --config c`)).code).toBe(2);
  });

  test('handed in by the shell', async () => {
    const { bash } = newPlace();
    expect(
      (await bash(`palyra ${LIST.join(' ')} --policies <(sleep 0.3; echo 'forbid (principal, action, resource);')`))
        .code,
    ).toBe(10);
  });

  test('in a linked folder', async () => {
    const { palyra, folder } = newPlace();
    mkdirSync(join(folder, 'real'));
    mkdirSync(join(folder, 'own'));
    writeFileSync(join(folder, 'real/p.cedar'), FORBID);
    symlinkSync('../real', join(folder, 'own/sub'));
    expect((await palyra([...LIST, '--policies', 'own'])).code).toBe(10);
  });

  test('of a configuration that is a link to nothing', async () => {
    const { bash, palyra, folder } = newPlace();
    await bash('mkdir -p ~/.config/palyra');
    symlinkSync('/nowhere', join(folder, '../.config/palyra/palyra.toml'));
    expect((await palyra(LIST)).code).toBe(2);
  });
});

test('a configuration that anybody may write gives no rights', async () => {
  const { palyra, folder } = newPlace();
  writeFileSync(join(folder, 'c.toml'), '[tool_call]\nallow_sensitive_tools = true\n');
  chmodSync(join(folder, 'c.toml'), 0o666);
  expect(await palyra([...LIST, '--config', 'c.toml'])).toMatchObject({ code: 14, stdout: '' });
});

test('a quoted key with dots is not the setting that it spells', async () => {
  const { palyra, folder } = newPlace();
  writeFileSync(join(folder, 'c.toml'), '"tool_call.allow_sensitive_tools" = true\n');
  expect(await palyra([...LIST, '--config', 'c.toml'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('unknown key'),
  });
});

test.each([
  'palyra.process.run',
  'tool:palyra.process.run',
  'TOOL:palyra.process.run',
  'tool :palyra.process.run',
  '\ufefftool:palyra.process.run',
])('an allowlisted name does not authorise the resource %s', async (resource) => {
  const { palyra } = newPlace();
  await palyra(['init', '--tool', 'palyra.echo']);
  const check = [
    'policy',
    'check',
    '--principal',
    'user:ops',
    '--action',
    'tool.execute',
    '--tool',
    'palyra.echo',
    '--resource',
  ];
  expect((await palyra([...check, resource])).code).toBe(2);
  expect((await palyra([...check, 'tool:palyra.echo'])).code).toBe(0);
});

test('an overlong line of a batch is one line, and the next one is answered', async () => {
  const { palyra } = newPlace();
  const request = '{"id":"whole","principal":"user:ops","action":"tool.list","resource":"tool:any"}';
  const stretch = 256 * 1024;
  const smuggled = '{"id":"'.padEnd(5 * stretch, 'a') + request.replace('whole', 'smuggled').padStart(stretch);
  const ended = await palyra(['policy', 'check', '--batch', '-'], { input: `${smuggled}\n${request}\n` });
  const answers = ended.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(answers).toMatchObject([
    { line: 1, decision: 'deny', error: { code: 'input.too_large' } },
    { id: 'whole', decision: 'allow' },
  ]);
});

test.each(['12345678901234567890', '1e400', '1.5'])('an id that would be changed is refused: %s', async (id) => {
  const input = `{"id":${id},"principal":"user:ops","action":"tool.list","resource":"tool:any"}\n`;
  const ended = await newPlace().palyra(['policy', 'check', '--batch', '-'], { input });
  expect(JSON.parse(ended.stdout)).toMatchObject({ line: 1, decision: 'deny', error: { code: 'input.invalid' } });
});

test('arguments that are not UTF-8 are refused, and a replacement character that was typed is not', async () => {
  const { bash } = newPlace();
  const check = 'policy check --action tool.list --resource tool:any --principal';
  expect((await bash(`palyra ${check} $'user:\\xff'`)).code).toBe(2);
  expect((await bash(`palyra ${check} 'user:\ufffd'`)).code).toBe(0);
});

test.each(['--state-root', '--config', '--as'])(
  'an empty %s is most often a variable that is not set',
  async (option) => {
    expect((await newPlace().palyra([...LIST, option, ''])).code).toBe(2);
  },
);
