import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HeldFolder } from '../../../src/adapters/sandbox/held-folder.ts';
import { newFolder, removeFolder } from '../../sandbox/lab.ts';

let top: string;

beforeEach(() => {
  top = newFolder('held');
  mkdirSync(join(top, 'real/desk/below'), { recursive: true });
  symlinkSync('real', join(top, 'link'));
});

afterEach(() => removeFolder(top));

test('a path that leads through a link is refused, in words for an operator', () => {
  expect(() => new HeldFolder(join(top, 'link/desk'))).toThrow(
    expect.objectContaining({ code: 'sandbox.setup_failed', message: expect.stringContaining('not what it was') }),
  );
  expect(() => new HeldFolder(join(top, 'link'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});

test('what is put in its place meanwhile is not reached', () => {
  const held = new HeldFolder(join(top, 'real/desk'));
  renameSync(join(top, 'real/desk'), join(top, 'moved'));
  mkdirSync(join(top, 'real/desk/below'), { recursive: true });
  writeFileSync(held.at('below/file'), 'x');
  held.close();
  expect(() => new HeldFolder(join(top, 'real/desk')).at('below/../../up')).toThrow('does not lie in');
  expect(() => writeFileSync(join(top, 'moved/below/file'), 'y', { flag: 'wx' })).toThrow('EEXIST');
});
