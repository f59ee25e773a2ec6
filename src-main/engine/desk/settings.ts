/** What the person set for the whole app. */
import * as v from 'valibot';
import type { Settings } from '../../../src-shared/model/index.ts';
import type { Ports } from '../kernel/index.ts';
import { StateFile } from '../service/index.ts';

const limit = v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1)));

const schema = v.object({
  theme: v.picklist(['system', 'light', 'dark']),
  startAtLogin: v.boolean(),
  closeToTray: v.boolean(),
  compression: v.pipe(v.string(), v.maxLength(64)),
  workers: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(16))),
  readBytesPerSecondMax: limit,
  writeBytesPerSecondMax: limit,
  lowPriority: v.boolean(),
  rememberPasswords: v.boolean(),
  notifyFailures: v.boolean(),
  notifySuccesses: v.boolean(),
  notifyStale: v.optional(v.boolean(), true),
});

export const SETTINGS_DEFAULTS: Settings = {
  theme: 'system',
  startAtLogin: false,
  closeToTray: true,
  compression: 'zstd:3',
  workers: null,
  readBytesPerSecondMax: null,
  writeBytesPerSecondMax: null,
  lowPriority: false,
  rememberPasswords: true,
  notifyFailures: true,
  notifySuccesses: false,
  notifyStale: true,
};

export function openSettings(home: string, ports: Ports): Promise<StateFile<Settings>> {
  return StateFile.open<Settings>({
    home,
    ports,
    name: 'settings.json',
    schema,
    migrations: [],
    empty: SETTINGS_DEFAULTS,
  });
}
