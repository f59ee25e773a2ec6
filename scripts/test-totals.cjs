'use strict';
/**
 * Prints the totals of the last test run as “N passed, N failed”, alone on the last line: the tests of the parts, from
 * vitest's report, and those of the whole app, from Playwright's. A file that could not even be loaded counts as one
 * failure, and so does a report that is not there. The exit status says whether tests ran and all of them passed.
 *
 * Before it come the tests that failed, with the beginning of why: of a long log often only the end is kept.
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

/** More failures than this have one reason, which the first ones tell. */
const FAILURES_SHOWN_MAX = 20;
const REASON_LINES_MAX = 12;

function reasonOf(messages) {
  // eslint-disable-next-line no-control-regex -- colours of a terminal
  const plain = messages.join('\n').replace(/\u001b\[[0-9;]*m/g, '');
  return plain.split('\n').slice(0, REASON_LINES_MAX).join('\n    ');
}

/** What both kinds of reports come to. `broken` names what could not be run at all. */
const MISSING = { passed: 0, failed: 0, skipped: 0, broken: ['a report is missing'], failures: [] };

function partTotals(report) {
  if (report === undefined) return MISSING;
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    broken: broken.map((file) => file.name + ': ' + reasonOf([String(file.message)])),
    failures: report.testResults.flatMap((file) =>
      file.assertionResults
        .filter((test) => test.status === 'failed')
        .map((test) => ({ where: file.name, title: test.fullName, reason: reasonOf(test.failureMessages) }))
    ),
  };
}

/** Playwright's suites hold suites; the outermost is the file. */
function specsOf(suite) {
  return suite.specs.concat(...(suite.suites || []).map(specsOf));
}

function appFailures(report) {
  return report.suites.flatMap(specsOf).flatMap((spec) =>
    spec.tests
      .filter((test) => test.status === 'unexpected')
      .map((test) => ({
        where: spec.file + ':' + spec.line,
        title: spec.title,
        reason: reasonOf(test.results.flatMap((result) => result.errors.map((error) => error.message)).slice(-1)),
      }))
  );
}

function appTotals(report) {
  if (report === undefined) return MISSING;
  return {
    // A flaky test passed when it was tried again, which happens once, and only in CI; the list above names it.
    passed: report.stats.expected + report.stats.flaky,
    failed: report.stats.unexpected,
    skipped: report.stats.skipped,
    broken: report.errors.map((error) => String(error.message).split('\n')[0]),
    failures: appFailures(report),
  };
}

const parts = partTotals(readReport('test-results.json'));
const app = appTotals(readReport('e2e-results.json'));
const broken = parts.broken.concat(app.broken);
const passed = parts.passed + app.passed;
const failed = parts.failed + app.failed + broken.length;
const skipped = parts.skipped + app.skipped;

const failures = parts.failures.concat(app.failures);
failures.slice(0, FAILURES_SHOWN_MAX).forEach(({ where, title, reason }) => {
  process.stdout.write('failed: ' + where + ' › ' + title + '\n    ' + reason + '\n');
});
if (failures.length > FAILURES_SHOWN_MAX)
  process.stdout.write('and ' + (failures.length - FAILURES_SHOWN_MAX) + ' more\n');
broken.forEach((what) => process.stdout.write('could not be run: ' + what + '\n'));
if (skipped > 0) process.stdout.write(skipped + ' skipped\n');
process.stdout.write(passed + ' passed, ' + failed + ' failed\n');
process.exit(passed > 0 && failed === 0 ? 0 : 1);
