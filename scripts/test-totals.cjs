'use strict';
/**
 * Prints the totals of the last test run as “N passed, N failed”, alone on the last line: the tests of the parts, from
 * vitest's report, and those of the whole app, from Playwright's. A file that could not even be loaded counts as one
 * failure, and so does a report that is not there. The exit status says whether tests ran and all of them passed.
 */
const fs = require('fs');
const path = require('path');

/** Undefined when there is none that can be read; said at once, because the totals alone would not say why. */
function readReport(name) {
  try {
    return JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'out', name), 'utf8'));
  } catch (error) {
    process.stderr.write('A part of the tests did not run to its end: ' + error.message + '\n');
    return undefined;
  }
}

/** What both kinds of reports come to. `broken` names what could not be run at all. */
const MISSING = { passed: 0, failed: 0, skipped: 0, broken: ['a report is missing'] };

function partTotals(report) {
  if (report === undefined) return MISSING;
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    broken: broken.map((file) => file.name),
  };
}

function appTotals(report) {
  if (report === undefined) return MISSING;
  return {
    // A flaky test passed when it was tried again, which happens once, and only in CI; the list above names it.
    passed: report.stats.expected + report.stats.flaky,
    failed: report.stats.unexpected,
    skipped: report.stats.skipped,
    broken: report.errors.map((error) => String(error.message).split('\n')[0]),
  };
}

const parts = partTotals(readReport('test-results.json'));
const app = appTotals(readReport('e2e-results.json'));
const broken = parts.broken.concat(app.broken);
const passed = parts.passed + app.passed;
const failed = parts.failed + app.failed + broken.length;
const skipped = parts.skipped + app.skipped;

broken.forEach((what) => process.stdout.write('could not be run: ' + what + '\n'));
if (skipped > 0) process.stdout.write(skipped + ' skipped\n');
process.stdout.write(passed + ' passed, ' + failed + ' failed\n');
process.exit(passed > 0 && failed === 0 ? 0 : 1);
