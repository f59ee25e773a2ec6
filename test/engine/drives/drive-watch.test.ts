/** Drives that come and go. */
import { describe, expect, it } from 'vitest';
import { type DriveChange, DriveWatch } from '../../../src-main/engine/drives/index.ts';
import { FakeVolumes, volume } from '../../support/volumes.ts';

const BLUE = volume('/media/ada/Blue');
const RED = volume('/media/ada/Red');
const SYSTEM = volume('/', { system: true });

function lab() {
  const source = new FakeVolumes();
  const logged: string[] = [];
  const told: string[] = [];
  const changes: DriveChange[] = [];
  const asked: string[] = [];
  const watch = new DriveWatch({
    source,
    every: () => () => undefined,
    log: (_level, message) => void logged.push(message),
    questions: {
      isFolder: () => Promise.resolve(true),
      spaceAt: (folder) => {
        asked.push(folder.toString());
        return Promise.resolve({ freeBytes: 5, totalBytes: 9 });
      },
    },
  });
  watch.listen((all) => {
    changes.push(...all);
    told.push(all.map(({ kind, volume: { label } }) => `${label} ${kind}`).join(', '));
  });
  const ticks = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done++) await watch.tick();
  };
  return { source, watch, logged, told, changes, asked, ticks };
}

describe('the watch', () => {
  it('tells nothing of what is there when it begins', async () => {
    const { source, watch, told, ticks } = lab();
    source.volumes = [SYSTEM, BLUE];
    await ticks(4);
    expect(watch.table.volumes).toHaveLength(2);
    expect(told).toEqual([]);
  });

  it('tells of a drive that comes and of one that goes, with what was known of it', async () => {
    const { source, watch, told, changes, ticks } = lab();
    source.volumes = [SYSTEM];
    await watch.look();
    source.volumes = [SYSTEM, BLUE];
    await ticks(2);
    source.volumes = [SYSTEM, RED];
    await ticks(2);
    expect(told).toEqual(['Blue arrived', 'Blue departed, Red arrived']);
    expect(changes[1]?.volume).toMatchObject({ label: 'Blue', totalBytes: 9 });
  });

  it('says what is there now, and asks drives for their room only when one came or went', async () => {
    const { source, watch, told, asked } = lab();
    source.volumes = [SYSTEM];
    await watch.look();
    for (let saved = 0; saved < 5; saved++) await watch.current();
    expect(asked).toEqual(['/']);
    source.volumes = [SYSTEM, BLUE];
    expect((await watch.current()).volumes).toHaveLength(2);
    expect(told).toEqual(['Blue arrived']);
  });

  it('waits until the table stands still, but not for ever', async () => {
    const { source, watch, told, ticks } = lab();
    await watch.look();
    source.volumes = [BLUE];
    await ticks(1);
    expect(told).toEqual([]);
    source.volumes = [];
    await ticks(3);
    // It came and went between two looks: nothing was ever there.
    expect(told).toEqual([]);
    for (let round = 0; round < 12; round++) {
      source.volumes = round % 2 === 0 ? [BLUE] : [BLUE, RED];
      await ticks(1);
    }
    expect(told[0]).toContain('Blue arrived');
  });

  it('takes a drive that was unplugged and came back between two looks for one that went and came', async () => {
    const { source, watch, told, ticks } = lab();
    source.volumes = [BLUE];
    await watch.look();
    source.volumes = [{ ...BLUE, mountKey: 'mounted anew' }];
    await ticks(2);
    expect(told).toEqual(['Blue departed, Blue arrived']);
  });

  it('reads the list only when something changed, however often it looks', async () => {
    const { source, watch, logged, ticks } = lab();
    source.volumes = [SYSTEM, BLUE];
    await watch.look();
    await ticks(100);
    for (let round = 0; round < 20; round++) await watch.look();
    expect(source.lists).toBe(1);
    expect(watch.generation).toBe(1);
    source.volumes = [SYSTEM];
    await ticks(100);
    expect(source.lists).toBe(2);
    // One line for one change, and none for a drive that stays away.
    expect(logged).toEqual(['a drive has departed']);
  });

  it('tells at once when somebody looks', async () => {
    const { source, watch, told } = lab();
    await watch.look();
    source.volumes = [BLUE];
    await watch.look();
    expect(told).toEqual(['Blue arrived']);
  });
});
