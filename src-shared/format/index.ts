/** The words for bytes, times and paths that the command line and the app share. Pure: no Node, no DOM. */
export { formatBytes, formatRate, parseBytes } from './bytes.ts';
export { displayPath, escapePath, unescapePath } from './path.ts';
export { SCHEDULE_LIMITS, TIME_OF_DAY, WEEKDAYS, formatTiming, parseTiming } from './schedule.ts';
export { formatDuration, formatTime, formatTimeNs, millisecondsOf } from './time.ts';
