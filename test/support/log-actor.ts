/** Writes numbered lines into the log of a home, as one of several processes. Arguments: home, name, lines, bytes a file. */
import { processClock } from '../../src-main/cli/clock.ts';
import { openLog } from '../../src-main/cli/log.ts';

const [home = '', name = '', lines = '', fileBytesMax = ''] = process.argv.slice(2);
const log = openLog({
  home,
  clock: processClock,
  onFailure: (error) => {
    throw error;
  },
  fileBytesMax: Number(fileBytesMax),
});
for (let number = 0; number < Number(lines); number++) {
  log.write('info', 'a line', { name, number, padding: 'x'.repeat(number % 50) });
  // Some are written together, most by themselves.
  if (number % 3 !== 0) await log.close();
}
await log.close();
