/** A process that changes a state file again and again: `node state-file-actor.ts HOME NAME COUNT`. It says each change. */
import * as v from 'valibot';
import { systemPorts } from '../../src-main/engine/kernel/index.ts';
import { StateFile } from '../../src-main/engine/service/index.ts';

const [home = '', name = '', count = ''] = process.argv.slice(2);
const file = await StateFile.open({
  home,
  ports: systemPorts,
  name: 'marks.json',
  schema: v.object({ marks: v.array(v.string()) }),
  migrations: [],
  empty: { marks: [] },
});
for (let index = 0; index < Number(count); index++) {
  const mark = `${name}-${index}`;
  await file.change(({ marks }) => ({ marks: [...marks, mark] }));
  process.stdout.write(`${mark}\n`);
}
