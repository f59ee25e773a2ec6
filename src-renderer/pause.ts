/** For how long a person pauses, as moments. Pure. */

export type PauseChoice = 'hour' | 'fourHours' | 'tomorrow' | 'forever';
export const PAUSES: readonly PauseChoice[] = ['hour', 'fourHours', 'tomorrow', 'forever'];

const HOUR_MS = 3_600_000;
/** Who pauses late in the evening does not mean “for ten minutes”. */
const MORNING_HOUR = 6;

/** Null: until resumed. */
export function pauseEnd(choice: PauseChoice, nowMs: number): string | null {
  switch (choice) {
    case 'hour':
      return new Date(nowMs + HOUR_MS).toISOString();
    case 'fourHours':
      return new Date(nowMs + 4 * HOUR_MS).toISOString();
    case 'tomorrow': {
      const morning = new Date(nowMs);
      morning.setDate(morning.getDate() + 1);
      morning.setHours(MORNING_HOUR, 0, 0, 0);
      return morning.toISOString();
    }
    case 'forever':
      return null;
  }
}
