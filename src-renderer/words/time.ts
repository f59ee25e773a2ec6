/** Times as a person says them. Every function is given the present, so that one clock drives the whole window. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });
const DAY_OF_YEAR = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const FULL = new Intl.DateTimeFormat('en-GB', {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long' });
const MONTH = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric' });
const LOG = new Intl.DateTimeFormat('en-GB', {
  day: '2-digit',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

export function parseTime(time: string): number {
  return Date.parse(time);
}

/** The local day as a number that counts days, for comparing and for a calendar. */
export function dayNumber(timeMs: number): number {
  const date = new Date(timeMs);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS);
}

/** “just now”, “12 min ago”, “3 h ago”, “yesterday, 18:05”, “4 days ago”, “on 3 Mar 2026”. */
export function ago(time: string, nowMs: number): string {
  const timeMs = parseTime(time);
  if (Number.isNaN(timeMs)) return '–';
  const ageMs = nowMs - timeMs;
  if (ageMs < MINUTE_MS) return 'just now';
  if (ageMs < HOUR_MS) return `${Math.floor(ageMs / MINUTE_MS)} min ago`;
  const days = dayNumber(nowMs) - dayNumber(timeMs);
  if (days === 0 || ageMs < 6 * HOUR_MS) return `${Math.floor(ageMs / HOUR_MS)} h ago`;
  if (days === 1) return `yesterday, ${CLOCK.format(timeMs)}`;
  if (days < 30) return `${days} days ago`;
  return `on ${DAY_OF_YEAR.format(timeMs)}`;
}

/** How long it has lasted: “20 min”, “3 h”, “4 days”. */
export function since(time: string, nowMs: number): string {
  const ageMs = Math.max(0, nowMs - parseTime(time));
  if (ageMs < HOUR_MS) return `${Math.max(1, Math.floor(ageMs / MINUTE_MS))} min`;
  if (ageMs < DAY_MS) return `${Math.floor(ageMs / HOUR_MS)} h`;
  const days = Math.floor(ageMs / DAY_MS);
  return days === 1 ? '1 day' : `${days} days`;
}

/** “Today”, “Yesterday”, “Tue 3 Mar”, “3 Mar 2024”. */
export function dayName(timeMs: number, nowMs: number): string {
  const days = dayNumber(nowMs) - dayNumber(timeMs);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return new Date(timeMs).getFullYear() === new Date(nowMs).getFullYear()
    ? DAY.format(timeMs).replace(',', '')
    : DAY_OF_YEAR.format(timeMs);
}

/** “18:05”. */
export function clockTime(time: string): string {
  const timeMs = parseTime(time);
  return Number.isNaN(timeMs) ? '–' : CLOCK.format(timeMs);
}

/** “Today, 18:05”. */
export function dayAndTime(time: string, nowMs: number): string {
  const timeMs = parseTime(time);
  return Number.isNaN(timeMs) ? '–' : `${dayName(timeMs, nowMs)}, ${CLOCK.format(timeMs)}`;
}

/** “Tuesday 3 March 2026 at 18:05”, for a tooltip or the recovery sheet. */
export function fullTime(time: string): string {
  const timeMs = parseTime(time);
  return Number.isNaN(timeMs) ? '–' : FULL.format(timeMs);
}

/** “3 Mar 2026, 18:05”, for columns. */
export function columnTime(time: string): string {
  const timeMs = parseTime(time);
  return Number.isNaN(timeMs) ? '–' : `${DAY_OF_YEAR.format(timeMs)}, ${CLOCK.format(timeMs)}`;
}

export function logTime(time: string): string {
  const timeMs = parseTime(time);
  return Number.isNaN(timeMs) ? '–' : LOG.format(timeMs).replace(',', '');
}

/** “22 November”. */
export function dateName(timeMs: number): string {
  return DATE.format(timeMs);
}

export function monthName(timeMs: number): string {
  return MONTH.format(timeMs);
}

/** What is left of a job, rounded so that it does not flicker: “about 4 min left”. */
export function remaining(remainingMs: number | null): string {
  if (remainingMs === null) return 'estimating the time left';
  if (remainingMs < 10 * SECOND_MS) return 'a few seconds left';
  if (remainingMs < MINUTE_MS) return 'less than a minute left';
  const minutes = Math.round(remainingMs / MINUTE_MS);
  if (minutes < 60) return `about ${minutes} min left`;
  const hours = Math.floor(minutes / 60);
  const rest = Math.round((minutes % 60) / 5) * 5;
  if (rest === 60) return `about ${hours + 1} h left`;
  return rest === 0 ? `about ${hours} h left` : `about ${hours} h ${rest} min left`;
}

const SECONDS = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** A moment ahead or behind, inside a sentence: “today, 21:00”, “tomorrow, 09:00”, “Tue 3 Mar, 21:00”. */
export function moment(time: string, nowMs: number): string {
  const timeMs = parseTime(time);
  if (Number.isNaN(timeMs)) return '–';
  const days = dayNumber(timeMs) - dayNumber(nowMs);
  const near: Readonly<Record<number, string>> = { [-1]: 'yesterday', 0: 'today', 1: 'tomorrow' };
  return `${near[days] ?? dayName(timeMs, nowMs)}, ${CLOCK.format(timeMs)}`;
}

/** The same as short as it can be: of today the time alone. */
export function shortMoment(time: string, nowMs: number): string {
  const timeMs = parseTime(time);
  return dayNumber(timeMs) === dayNumber(nowMs) ? clockTime(time) : moment(time, nowMs);
}

/** To the second while it is of today: “12:03:20”. */
export function exactMoment(time: string, nowMs: number): string {
  const timeMs = parseTime(time);
  return dayNumber(timeMs) === dayNumber(nowMs) ? SECONDS.format(timeMs) : moment(time, nowMs);
}

const MONTH_DAYS = 30.44;

/** How far ahead, roundly: “about 4 months”, “about 3 weeks”, “2 days”, “less than a day”. */
export function ahead(time: string, nowMs: number): string {
  const aheadMs = parseTime(time) - nowMs;
  if (Number.isNaN(aheadMs)) return '–';
  if (aheadMs < DAY_MS) return 'less than a day';
  const days = Math.round(aheadMs / DAY_MS);
  if (days < 14) return days === 1 ? '1 day' : `${days} days`;
  if (days < 60) return `about ${Math.round(days / 7)} weeks`;
  if (days < 700) return `about ${Math.round(days / MONTH_DAYS)} months`;
  return `about ${Math.round(days / 365.25)} years`;
}
