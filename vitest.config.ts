/**
 * One test run: every claim under test/, except the long ones (`npm run torture`) and the measured ones
 * (`npm run bench`). Workers are processes, so a native module that crashes takes one file with it and not the run.
 *
 * A property that fails prints the seed and the path that repeat it; nothing needs to be set up for that.
 */
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, the longest first: begun last, one of them would run alone at the end. */
const LONG = [
  'property/fuzz',
  'crash/fault-sweep',
  'source/watch/watchers',
  'kill/agent',
  'kill/kill',
  'crash/crash-sweep',
  'agent/model',
  'hostile/sources',
  'corruption/distortions',
  'source/watch/model',
  'repository/unplug',
  'restore/restore-complete',
  'corruption/flips',
  'concurrency/interleavings',
  'hostile/targets',
  'catalog/engine',
  'cli/set',
  'source/watch/system',
  'crash/lanes',
  'engine-host/unplug-live',
  'catalog/trust',
  'engine-host/unplug-agent',
].map((name) => `${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONG.findIndex((name) => moduleId.endsWith(name));
      return place === -1 ? LONG.length : place;
    };
    return (await super.sort(files)).toSorted((left, right) => rank(left) - rank(right));
  }
}

export default defineConfig({
  // The window's state is written with runes: the compiler turns them into plain fields here.
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/torture/**', 'test/bench/**'],
    pool: 'forks',
    // Two more than processors on a small machine: many tests wait for timers, disks and other programs.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // Generous: a limit is there to end a hang, not to measure anything.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: 'out/test-results.json' },
  },
});
