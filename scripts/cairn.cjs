#!/usr/bin/env node
'use strict';
/**
 * The `cairn` command (package.json: bin.cairn). It loads nothing but the version check until it knows that this Node
 * can run the rest: an old one gets one line that says what to do, not a syntax error or a crash in a native module.
 */
const fs = require('fs');
const path = require('path');
const nodeVersion = require('./node-version.cjs');

function stop(message) {
  process.stderr.write('cairn: ' + message + '\n');
  process.exit(1);
}

const program = path.join(__dirname, '..', 'out', 'main', 'cli.js');

if (!nodeVersion.isNewEnough(process.version)) {
  stop(
    'needs Node.js ' + nodeVersion.NODE_VERSION_MIN + ' or newer, this is ' + process.version + ' (nodejs.org has it).'
  );
} else if (!fs.existsSync(program)) {
  stop('is not built yet. Run "npm run build" in ' + path.join(__dirname, '..') + ' first.');
} else {
  require('./import.cjs')(program);
}
