/**
 * What clocks show, found without croner and without the code under test: the offset of a zone from Intl, minute by minute.
 */

const MINUTE_MS = 60_000;
/** No zone changes its offset at any other time than a quarter of an hour. */
const STEP_MS = 15 * MINUTE_MS;

export type Shown = { readonly atMs: number; readonly date: string; readonly time: string; readonly weekday: number };

/** Every minute from one moment to another, with what the clock of the zone shows. */
export function* minutesOf(timeZone: string, fromMs: number, toMs: number): Generator<Shown> {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  let offsetMs = Number.NaN;
  for (let atMs = Math.ceil(fromMs / MINUTE_MS) * MINUTE_MS; atMs < toMs; atMs += MINUTE_MS) {
    if (atMs % STEP_MS === 0 || Number.isNaN(offsetMs)) offsetMs = offsetAt(parts, atMs);
    const shown = new Date(atMs + offsetMs);
    const text = shown.toISOString();
    yield { atMs, date: text.slice(0, 10), time: text.slice(11, 16), weekday: shown.getUTCDay() };
  }
}

function offsetAt(parts: Intl.DateTimeFormat, atMs: number): number {
  const of = Object.fromEntries(parts.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const shownMs = Date.UTC(of['year']!, of['month']! - 1, of['day'], of['hour'], of['minute'], of['second']);
  return shownMs - Math.floor(atMs / 1000) * 1000;
}

/** The first minute of each day that shows this time of day or a later one: so gaps end, and what comes twice comes first. */
export function dailyTimes(minutes: readonly Shown[], time: string, days: ReadonlySet<number>): readonly number[] {
  const found = new Map<string, number>();
  // The first day is cut: the time may have been before it.
  const first = minutes[0]?.date;
  for (const shown of minutes) {
    if (shown.date === first || shown.time < time || found.has(shown.date)) continue;
    found.set(shown.date, shown.atMs);
    if (!days.has(shown.weekday)) found.set(shown.date, Number.NaN);
  }
  return [...found.values()].filter((atMs) => !Number.isNaN(atMs));
}
