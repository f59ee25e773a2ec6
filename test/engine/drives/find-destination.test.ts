/** Where a destination is, on whichever drive and under whichever name it is mounted now. */
import { describe, expect, it } from 'vitest';
import { CairnError } from '../../../src-shared/errors.ts';
import {
  type FoundDestination,
  type SoughtDestination,
  type Standing,
  type Volume,
  findDestination,
} from '../../../src-main/engine/drives/index.ts';
import { volume } from '../../support/volumes.ts';

const SOUGHT: SoughtDestination = {
  repositoryId: 'r',
  instanceId: 'i',
  encrypted: true,
  path: Buffer.from('/media/ada/Blue/Cairn'),
  pathOnDrive: Buffer.from('Cairn'),
  volume: { uuid: 'uuid-blue', label: 'Blue' },
};
let folders = 0;
const repository = (change: Partial<Extract<Standing, { kind: 'repository' }>> = {}): Standing => ({
  kind: 'repository',
  repositoryId: 'r',
  instanceId: 'i',
  encrypted: true,
  folderKey: `folder ${folders++}`,
  ...change,
});
const BLUE = volume('/media/ada/Blue', { uuid: 'uuid-blue' });

async function find(
  places: Readonly<Record<string, Standing>>,
  volumes: readonly Volume[],
  options: Partial<SoughtDestination> & { silent?: readonly Buffer[]; everywhere?: boolean } = {},
): Promise<FoundDestination & { readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const { silent = [], everywhere = true, ...change } = options;
  const found = await findDestination(
    { ...SOUGHT, ...change },
    {
      table: { volumes, silent, mounts: [] },
      everywhere,
      look: (place) => {
        asked.push(place);
        return Promise.resolve(places[place] ?? { kind: 'absent' });
      },
    },
  );
  return { ...found, asked };
}
const placeOf = (found: FoundDestination): string | undefined =>
  found.kind === 'found' || found.kind === 'copy' ? found.place.toString() : undefined;

describe('a destination', () => {
  it('is found in its place', async () => {
    const found = await find({ '/media/ada/Blue/Cairn': repository() }, [BLUE]);
    expect(found).toMatchObject({ kind: 'found', copies: [], volume: BLUE });
    expect(placeOf(found)).toBe('/media/ada/Blue/Cairn');
  });

  it('is looked for in its place only, while no drive came or went', async () => {
    const others = [volume('/media/a'), volume('/media/b')];
    const found = await find({ '/media/ada/Blue/Cairn': repository() }, [BLUE, ...others], { everywhere: false });
    expect(found.asked).toEqual(['/media/ada/Blue/Cairn']);
  });

  it('is found where its drive is mounted now, by its volume first, then by its label', async () => {
    const elsewhere = volume('/mnt/usb', { uuid: 'uuid-blue', label: 'Other' });
    const found = await find({ '/mnt/usb/Cairn': repository() }, [
      volume('/a'),
      volume('/b', { label: 'Blue' }),
      elsewhere,
    ]);
    expect(placeOf(found)).toBe('/mnt/usb/Cairn');
    expect(found.asked).toEqual(['/media/ada/Blue/Cairn', '/mnt/usb/Cairn', '/b/Cairn', '/a/Cairn']);
  });

  it('is found on a drive whose volume has no id, and at the top of a drive', async () => {
    const found = await find({ '/mnt/x': repository() }, [volume('/mnt/x')], {
      pathOnDrive: Buffer.alloc(0),
      volume: null,
    });
    expect(placeOf(found)).toBe('/mnt/x');
  });

  it('is found elsewhere though another repository stands in its place', async () => {
    const other = volume('/media/ada/Blue', { uuid: 'uuid-other' });
    const moved = volume('/media/ada/Blue1', { uuid: 'uuid-blue' });
    const places = {
      '/media/ada/Blue/Cairn': repository({ repositoryId: 'x' }),
      '/media/ada/Blue1/Cairn': repository(),
    };
    expect(placeOf(await find(places, [other, moved]))).toBe('/media/ada/Blue1/Cairn');
  });

  it.each([
    ['another repository', repository({ repositoryId: 'other' })],
    ['another copy of it', repository({ instanceId: 'other' })],
    ['one that is not encrypted any more', repository({ encrypted: false })],
  ])('is not %s in its place', async (_what, standing) => {
    expect((await find({ '/media/ada/Blue/Cairn': standing }, [BLUE])).kind).toBe('other');
  });

  it.each<[string, Standing]>([
    ['an empty mount point', { kind: 'empty' }],
    ['other people’s files', { kind: 'foreign' }],
    ['nothing', { kind: 'absent' }],
  ])('is absent where its place has %s', async (_what, standing) => {
    expect((await find({ '/media/ada/Blue/Cairn': standing }, [BLUE])).kind).toBe('absent');
  });

  it('that can’t be read says why', async () => {
    const error = new CairnError('destination/denied', 'no');
    expect(await find({ '/media/ada/Blue/Cairn': { kind: 'unusable', error } }, [BLUE])).toMatchObject({
      kind: 'unusable',
      error,
    });
  });

  it('is not asked for on a drive that does not answer, nor on the system’s own', async () => {
    const found = await find({}, [volume('/', { system: true })], { silent: [Buffer.from('/media/ada/Blue')] });
    expect(found).toMatchObject({ kind: 'absent', asked: [] });
  });

  it('is looked for on a server only where no drive has it', async () => {
    const nas = volume('/mnt/nas', { network: true });
    const usb = volume('/mnt/usb');
    const places = { '/mnt/usb/Cairn': repository(), '/mnt/nas/Cairn': repository() };
    const found = await find(places, [nas, usb]);
    expect(placeOf(found)).toBe('/mnt/usb/Cairn');
    expect(found.asked).not.toContain('/mnt/nas/Cairn');
    expect(placeOf(await find({ '/mnt/nas/Cairn': repository() }, [nas, usb]))).toBe('/mnt/nas/Cairn');
  });

  it('is looked for on so many drives and no more', async () => {
    const many = Array.from({ length: 60 }, (_, index) => volume(`/media/${index}`));
    expect((await find({}, many)).asked).toHaveLength(17);
  });

  it('whose marker is lost is still found in its place, and nowhere else', async () => {
    const lost = repository({ instanceId: null });
    expect(placeOf(await find({ '/media/ada/Blue/Cairn': lost }, [BLUE]))).toBe('/media/ada/Blue/Cairn');
    const elsewhere = volume('/mnt/usb');
    expect((await find({ '/mnt/usb/Cairn': lost }, [elsewhere])).kind).toBe('absent');
    const whole = await find({ '/media/ada/Blue/Cairn': lost, '/mnt/usb/Cairn': repository() }, [BLUE, elsewhere]);
    expect(placeOf(whole)).toBe('/mnt/usb/Cairn');
  });

  it('with a mount point that is no text does no harm', async () => {
    const odd = { ...volume('/media/odd'), mountPoint: Buffer.from([0x2f, 0xff]) };
    expect((await find({}, [odd])).kind).toBe('absent');
  });
});

describe('a copy made byte by byte', () => {
  const copy = volume('/media/ada/Copy', { uuid: 'uuid-copy' });
  const both = { '/media/ada/Blue/Cairn': repository(), '/media/ada/Copy/Cairn': repository() };

  it('on another volume is told and left alone, wherever the destination is mounted', async () => {
    const found = await find(both, [copy, BLUE]);
    expect(placeOf(found)).toBe('/media/ada/Blue/Cairn');
    expect(found.kind === 'found' && found.copies.map(String)).toEqual(['/media/ada/Copy/Cairn']);
    // They swapped places: it follows the volume, not the path.
    const swapped = [
      volume('/media/ada/Blue', { uuid: 'uuid-copy' }),
      volume('/media/ada/Copy', { uuid: 'uuid-blue' }),
    ];
    expect(placeOf(await find(both, swapped))).toBe('/media/ada/Copy/Cairn');
  });

  it('of a whole drive, ids and all, is used no more than what it was made of', async () => {
    const twin = volume('/media/ada/Copy', { uuid: 'uuid-blue' });
    const found = await find(both, [BLUE, twin]);
    expect(found.kind === 'several' && found.places.map(String)).toEqual([
      '/media/ada/Blue/Cairn',
      '/media/ada/Copy/Cairn',
    ]);
  });

  it('decides nothing where the volume was never known', async () => {
    expect((await find(both, [copy, BLUE], { volume: null })).kind).toBe('several');
  });

  it('that comes alone is not taken for the destination, in its place neither', async () => {
    expect(await find({ '/media/ada/Copy/Cairn': repository() }, [copy])).toMatchObject({ kind: 'copy', volume: copy });
    const inPlace = volume('/media/ada/Blue', { uuid: 'uuid-copy' });
    expect((await find({ '/media/ada/Blue/Cairn': repository() }, [inPlace])).kind).toBe('copy');
  });

  it('is none where the whole computer moved to another disk', async () => {
    const disk = volume('/', { system: true, uuid: 'uuid-new-disk' });
    const found = await find({ '/home/ada/Cairn': repository() }, [disk], {
      path: Buffer.from('/home/ada/Cairn'),
      pathOnDrive: null,
      volume: { uuid: 'uuid-old-disk', label: '/' },
    });
    expect([found.kind, placeOf(found)]).toEqual(['found', '/home/ada/Cairn']);
  });

  it('is no reason to stop where a share without an id is reached in two ways, and still is where it was', async () => {
    const share = volume('/mnt/nas', { network: true });
    const again = volume('/net/nas', { network: true, label: 'nas again' });
    const places = { '/mnt/nas/Cairn': repository(), '/net/nas/Cairn': repository() };
    const nas = { path: Buffer.from('/mnt/nas/Cairn'), volume: { uuid: null, label: 'nas' } };
    const found = await find(places, [share, again], nas);
    expect([found.kind, placeOf(found)]).toEqual(['found', '/mnt/nas/Cairn']);
    expect(found).toMatchObject({ copies: [Buffer.from('/net/nas/Cairn')] });
    // Where it is not, nothing says which of the two it is.
    expect(await find(places, [share, again], { ...nas, path: Buffer.from('/elsewhere') })).toMatchObject({
      kind: 'several',
    });
  });

  it('is none where two paths lead to one folder', async () => {
    const standing = repository();
    const places = { '/media/ada/Blue/Cairn': standing, '/srv/blue/Cairn': standing };
    const found = await find(places, [volume('/srv/blue', { uuid: undefined })], { volume: null });
    expect(found).toMatchObject({ kind: 'found', copies: [] });
  });

  it('can’t be told where the system knows no ids now: the destination goes on', async () => {
    const unknown = volume('/media/ada/Blue');
    expect((await find({ '/media/ada/Blue/Cairn': repository() }, [unknown])).kind).toBe('found');
  });
});
