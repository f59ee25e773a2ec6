/**
 * One test run: every claim under test/, except the long ones (`npm run torture`) and the measured ones
 * (`npm run bench`). Workers are processes, so a native module that crashes takes one file with it and not the run.
 *
 * A property that fails prints the seed and the path that repeat it; nothing needs to be set up for that.
 */
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The window's state is written with runes: the compiler turns them into plain fields here.
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/torture/**', 'test/bench/**'],
    pool: 'forks',
    // One more than processors on a small machine: many tests wait for timers, disks and other programs.
    maxWorkers: 3,
    // Generous: a limit is there to end a hang, not to measure anything.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: 'out/test-results.json' },
  },
});
