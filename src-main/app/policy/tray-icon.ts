/**
 * The tray's picture, drawn here: four stones on each other, and a dot when something needs a look. A tray icon has to
 * be legible at 16 pixels in a light bar and a dark one and to change with the state, which a scaled-down app icon is
 * not and does not.
 */
import { crc32, deflateSync } from 'node:zlib';

import type { HostState } from '../../engine-host/port.ts';

type Colour = readonly [red: number, green: number, blue: number];
/** In parts of the picture's side: centre and half axes. */
type Ellipse = {
  readonly x: number;
  readonly y: number;
  readonly rx: number;
  readonly ry: number;
  readonly colour: Colour;
};

const STONE: Colour = [142, 150, 158];
const STONE_AT_WORK: Colour = [74, 144, 217];
const TOP_STONE: Colour = [240, 162, 75];
const DOTS: Readonly<Record<HostState, Colour | undefined>> = {
  idle: undefined,
  working: undefined,
  paused: undefined,
  attention: [240, 180, 40],
  problem: [220, 60, 50],
};
/** On macOS the system colours the picture, from its transparency alone. */
const TEMPLATE: Colour = [0, 0, 0];

const SAMPLES = 4;
const CHANNELS = 4;

export function trayIcon(state: HostState, size: number, asTemplate: boolean): Buffer {
  const shapes = shapesOf(state).map((shape) => (asTemplate ? { ...shape, colour: TEMPLATE } : shape));
  return encodePng(size, drawn(shapes, size));
}

function shapesOf(state: HostState): readonly Ellipse[] {
  const stone = state === 'working' ? STONE_AT_WORK : STONE;
  const dot = DOTS[state];
  return [
    { x: 0.5, y: 0.86, rx: 0.44, ry: 0.13, colour: stone },
    { x: 0.47, y: 0.6, rx: 0.34, ry: 0.12, colour: stone },
    { x: 0.52, y: 0.36, rx: 0.25, ry: 0.11, colour: stone },
    // While it is paused the top stone is off: a shape, because a system that colours the picture leaves nothing else.
    ...(state === 'paused' ? [] : [{ x: 0.49, y: 0.15, rx: 0.16, ry: 0.1, colour: TOP_STONE }]),
    ...(dot === undefined ? [] : [{ x: 0.78, y: 0.22, rx: 0.2, ry: 0.2, colour: dot }]),
  ];
}

/** RGBA. Each pixel looks at a few points, so that edges are smooth. The last shape that covers a point is seen. */
function drawn(shapes: readonly Ellipse[], size: number): Buffer {
  const pixels = Buffer.alloc(size * size * CHANNELS);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const sums = [0, 0, 0];
      let covered = 0;
      for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
        const x = (column + ((sample % SAMPLES) + 0.5) / SAMPLES) / size;
        const y = (row + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / size;
        const shape = shapes.findLast((one) => ((x - one.x) / one.rx) ** 2 + ((y - one.y) / one.ry) ** 2 <= 1);
        if (shape === undefined) continue;
        covered++;
        shape.colour.forEach((value, channel) => (sums[channel] = (sums[channel] ?? 0) + value));
      }
      if (covered === 0) continue;
      const at = (row * size + column) * CHANNELS;
      sums.forEach((sum, channel) => pixels.writeUInt8(Math.round(sum / covered), at + channel));
      pixels.writeUInt8(Math.round((255 * covered) / SAMPLES ** 2), at + CHANNELS - 1);
    }
  }
  return pixels;
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function encodePng(size: number, pixels: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6], 8); // eight bits a channel, RGBA; no interlacing
  const rowBytes = size * CHANNELS;
  const rows = Array.from({ length: size }, (_, row) => [
    Buffer.from([0]), // no filter
    pixels.subarray(row * rowBytes, (row + 1) * rowBytes),
  ]);
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(Buffer.concat(rows.flat()))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
