'use strict';
/**
 * Prints the totals of the last test run as “N passed, N failed”, alone on a line, from vitest's report. A test file
 * that could not even be loaded counts as one failure. The exit status says whether tests ran and all of them passed.
 */
const fs = require('fs');
const path = require('path');

const reportFile = path.join(__dirname, '..', 'out', 'test-results.json');

function readReport() {
  try {
    return JSON.parse(fs.readFileSync(reportFile, 'utf8'));
  } catch (error) {
    process.stderr.write(
      'There is no readable test report: the tests did not run to their end. ' + error.message + '\n'
    );
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  }
}

const report = readReport();
const brokenFiles = report.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')
);
const passed = report.numPassedTests;
const failed = report.numFailedTests + brokenFiles.length;
const skipped = report.numPendingTests + report.numTodoTests;

brokenFiles.forEach((file) => process.stdout.write('could not be run: ' + file.name + '\n'));
if (skipped > 0) process.stdout.write(skipped + ' skipped\n');
process.stdout.write(passed + ' passed, ' + failed + ' failed\n');
process.exit(passed > 0 && failed === 0 ? 0 : 1);
