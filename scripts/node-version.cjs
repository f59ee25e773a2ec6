'use strict';
/**
 * The oldest Node that Cairn runs on, and whether a given one is new enough. Older ones do not fail politely:
 * better-sqlite3 crashes the process while it loads, so this must be asked before anything native is touched.
 *
 * This file, run.cjs and cairn.cjs are read by whatever Node a machine happens to have: no syntax younger than 2015.
 */
const NODE_VERSION_MIN = '22.22.0';

/** `version` like "v24.1.0" or "24.1.0". */
function isNewEnough(version) {
  const found = version.replace(/^v/, '').split('.').map(Number);
  const wanted = NODE_VERSION_MIN.split('.').map(Number);
  for (let part = 0; part < wanted.length; part++) {
    if (found[part] !== wanted[part]) return found[part] > wanted[part];
  }
  return true;
}

module.exports = { NODE_VERSION_MIN, isNewEnough };
