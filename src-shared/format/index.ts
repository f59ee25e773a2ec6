export { formatBytes, formatRate, parseBytes } from './bytes.ts';
export { displayPath, escapePath, unescapePath } from './path.ts';
export { formatDuration, formatTime, formatTimeNs } from './time.ts';
