#!/usr/bin/env node
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { compileFunction } = require('node:vm');

const MAIN = join(__dirname, '../dist/main.cjs');
/** What V8 knows of it when it has read it, for one version and kind of processor; on others it reads it again, in 20 ms. */
const KNOWN = join(__dirname, `../dist/main-${process.arch}-${process.versions.v8}.v8`);

if (require.main === module) run();
// for build.mjs
else module.exports = { KNOWN, learn: () => compile({ produceCachedData: true }).cachedData };

function run() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 17)) return refuse('palyra needs Node 20.17 or newer', 'node --version');
  const palyra = { exports: {} };
  try {
    compile({ cachedData: readKnown() })(palyra.exports, createRequire(MAIN), palyra, MAIN, dirname(MAIN));
  } catch (error) {
    if (error.code !== 'ENOENT' || error.path !== MAIN) throw error;
    return refuse('palyra has not been built', `npm --prefix ${dirname(__dirname)} run build`);
  }
  palyra.exports.main();
}

/** The function that loads palyra, as Node would make it of the file. */
function compile(options) {
  const names = ['exports', 'require', 'module', '__filename', '__dirname'];
  return compileFunction(readFileSync(MAIN, 'utf8'), names, { filename: MAIN, ...options });
}

function readKnown() {
  try {
    return readFileSync(KNOWN);
  } catch {
    return undefined;
  }
}

function refuse(message, hint) {
  process.stderr.write(`palyra: error: ${message}\npalyra: hint:  ${hint}\n`);
  process.exitCode = 1;
}
