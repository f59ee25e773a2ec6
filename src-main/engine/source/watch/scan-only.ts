/** What a person is told where a source can't be watched: what happens, that nothing is lost, what to do about it. */
import { assertNever } from '../../../../src-shared/assert.ts';
import type { WatcherFailure } from './watcher.ts';

const MEANWHILE = 'Nothing is lost: changes are found at the next scheduled look at the whole folder.';

export function scanOnlyMessage(reason: WatcherFailure['reason'], detail: string): string {
  return `${whatHappened(reason, detail)} ${MEANWHILE}`;
}

function whatHappened(reason: WatcherFailure['reason'], detail: string): string {
  switch (reason) {
    case 'watch-limit':
      return 'This system lets a user watch fewer folders than this one has in it. Raise the limit, on Linux with “sysctl fs.inotify.max_user_watches=1048576”, or leave folders out.';
    case 'open-files':
      return 'Too many programs of this user watch folders, or too many files are open. Close some, or raise the limit, on Linux with “sysctl fs.inotify.max_user_instances=1024”.';
    case 'not-available':
      return `Changes can’t be watched on this system (${detail}).`;
    case 'names':
      return `This folder can’t be watched because of its name (${detail}).`;
    case 'overflow':
    case 'event-rate':
    case 'canary':
    case 'root-moved':
    case 'error':
    case 'closed':
      return `This folder can’t be watched at the moment (${detail}).`;
    default:
      return assertNever(reason);
  }
}
