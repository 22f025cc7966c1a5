#!/usr/bin/env node
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { compileFunction } = require('node:vm');

const MAIN = join(__dirname, '../dist/main.cjs');
/** What V8 knows of it when it has read it, for one version and kind of processor; on others it reads it again, in 20 ms. */
const KNOWN = join(__dirname, `../dist/main-${process.arch}-${process.versions.v8}.v8`);

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

if (require.main === module) {
  const palyra = { exports: {} };
  compile({ cachedData: readKnown() })(palyra.exports, createRequire(MAIN), palyra, MAIN, dirname(MAIN));
  palyra.exports.main();
} else {
  // build.mjs
  module.exports = { KNOWN, learn: () => compile({ produceCachedData: true }).cachedData };
}
