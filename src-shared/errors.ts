/**
 * The one table of everything that can make an operation fail. Each code has the exit status the command line
 * promises, whether trying again can help, and a hint: an action, not an explanation.
 *
 * A CairnError says three things: what happened (message), what is safe or what to do (hint), and whether to try
 * again (retry). It is plain data on the wire, so it survives a process border.
 */

export type Retry = 'never' | 'later' | 'ask';

type ErrorRow = { readonly exit: number; readonly retry: Retry; readonly hint: string };

export const ERROR_TABLE = {
  'usage/invalid': { exit: 2, retry: 'never', hint: 'See “cairn help” for the options of this command.' },
  'repository/not-found': {
    exit: 10,
    retry: 'ask',
    hint: 'Check the path, connect the drive, or make a repository there with “cairn init”.',
  },
  'repository/exists': {
    exit: 1,
    retry: 'never',
    hint: 'Nothing was changed. Use it as it is, or choose another folder.',
  },
  'repository/not-empty': { exit: 1, retry: 'never', hint: 'Nothing was changed. Choose an empty or a new folder.' },
  'repository/busy': {
    exit: 11,
    retry: 'later',
    hint: 'Another Cairn is at work on it. Wait until it has finished and try again.',
  },
  'repository/newer-format': {
    exit: 14,
    retry: 'never',
    hint: 'It was written by a newer Cairn and is not damaged. Update Cairn and try again.',
  },
  'repository/wrong-identity': {
    exit: 1,
    retry: 'never',
    hint: 'Nothing was written. Connect the drive that holds this repository, or name the right path.',
  },
  'key/wrong-password': { exit: 12, retry: 'ask', hint: 'Nothing was changed. Try again, or use the recovery key.' },
  'key/password-needed': {
    exit: 12,
    retry: 'ask',
    hint: 'Give it with --password-file, CAIRN_PASSWORD_FILE or CAIRN_PASSWORD, or run this on a terminal.',
  },
  'key/retype': { exit: 12, retry: 'ask', hint: 'Nothing was changed. Type its password once more.' },
  'key/slot-damaged': {
    exit: 13,
    retry: 'ask',
    hint: 'Try the other password or the recovery key; “cairn verify” names the damaged file.',
  },
  'key/not-found': { exit: 1, retry: 'never', hint: 'List the keys with “cairn key list”.' },
  'key/last-slot': {
    exit: 1,
    retry: 'never',
    hint: 'Add another password or a recovery key first; without any the backup could never be opened.',
  },
  'key/refused-parameters': {
    exit: 13,
    retry: 'never',
    hint: 'The key file asks for more memory or time than any Cairn would. Do not trust it; use another copy.',
  },
  'integrity/malformed': {
    exit: 13,
    retry: 'never',
    hint: 'Run “cairn verify --deep” to see what is affected. Everything else stays readable.',
  },
  'integrity/damaged': {
    exit: 13,
    retry: 'never',
    hint: 'Run “cairn verify --deep” to see what is affected. Everything else stays readable.',
  },
  'integrity/missing': {
    exit: 13,
    retry: 'never',
    hint: 'Run “cairn verify --deep” to see what is affected. Everything else stays readable.',
  },
  'integrity/collision': {
    exit: 13,
    retry: 'never',
    hint: 'Two different contents have one id. Stop, test the memory of this computer, and keep the repository as it is.',
  },
  'limit/exceeded': {
    exit: 13,
    retry: 'never',
    hint: 'It claims a size no Cairn writes. Treat the file as damaged or hostile.',
  },
  'destination/full': {
    exit: 1,
    retry: 'later',
    hint: 'What was backed up before is safe. Free some space on the drive and run it again; it goes on from there.',
  },
  'destination/read-only': {
    exit: 1,
    retry: 'ask',
    hint: 'What was backed up before is safe and can be restored. Make the drive writable to back up to it.',
  },
  'destination/gone': {
    exit: 1,
    retry: 'later',
    hint: 'What was backed up before is safe. Connect the drive again and run it once more.',
  },
  'destination/denied': {
    exit: 1,
    retry: 'ask',
    hint: 'Give this user permission to the folder, or choose another destination.',
  },
  'destination/io': {
    exit: 1,
    retry: 'later',
    hint: 'What was backed up before is safe. Check the drive and its cable, then run it again.',
  },
  'source/not-found': { exit: 1, retry: 'ask', hint: 'Check the path. Nothing was changed in the backup.' },
  'source/unreadable': {
    exit: 1,
    retry: 'ask',
    hint: 'Check that this user may read it. Nothing was changed in the backup.',
  },
  'snapshot/not-found': { exit: 1, retry: 'never', hint: 'List them with “cairn snapshots”.' },
  'snapshot/ambiguous': {
    exit: 1,
    retry: 'never',
    hint: 'Give more characters of the id; “cairn snapshots” lists them.',
  },
  'path/not-found': {
    exit: 1,
    retry: 'never',
    hint: 'Look with “cairn ls SNAP”; versions in other snapshots are listed by “cairn find”.',
  },
  'restore/target': {
    exit: 1,
    retry: 'ask',
    hint: 'Nothing outside the target was touched. Choose another target folder or free some space there.',
  },
  'restore/original-place': {
    exit: 1,
    retry: 'ask',
    hint: 'Nothing was touched. Choose a folder to restore into.',
  },
  'engine/self-test': {
    exit: 1,
    retry: 'never',
    hint: 'This installation can’t be trusted with data. Reinstall Cairn; “cairn doctor” says which part failed.',
  },
  'engine/cancelled': { exit: 1, retry: 'ask', hint: 'What was finished before is safe.' },
  'engine/local-state': {
    exit: 1,
    retry: 'ask',
    hint: 'Nothing was changed in the backup. Give this user permission to that folder, free some space there, or set CAIRN_HOME to another one.',
  },
  'hook/failed': {
    exit: 1,
    retry: 'later',
    hint: 'Nothing was backed up; what was backed up before is safe. The log has what the command said: put it right and run it again.',
  },
  'app/not-found': {
    exit: 1,
    retry: 'ask',
    hint: 'Nothing was changed. It may have been removed meanwhile; look again.',
  },
  'app/busy': {
    exit: 11,
    retry: 'later',
    hint: 'Nothing was changed. Wait until some of it has finished and try again.',
  },
  'app/unavailable': { exit: 1, retry: 'never', hint: 'Nothing was changed.' },
  'engine/internal': {
    exit: 1,
    retry: 'ask',
    hint: 'This is a defect in Cairn. Existing backups are not affected; the log has the details.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export type ErrorContext = Readonly<Record<string, string | number | boolean>>;

/** What crosses a process border or is printed with --json. */
export type WireError = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly retry: Retry;
};

export class CairnError extends Error {
  override readonly name = 'CairnError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retry: Retry;
  readonly context: ErrorContext;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; context?: ErrorContext; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const row: ErrorRow = ERROR_TABLE[code];
    this.code = code;
    this.hint = options.hint ?? row.hint;
    this.retry = row.retry;
    this.context = options.context ?? {};
  }

  get exitCode(): number {
    return ERROR_TABLE[this.code].exit;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, hint: this.hint, retry: this.retry };
  }
}

/** True for a CairnError, of one of the codes when codes are given. */
export function isCairnError(error: unknown, ...codes: readonly ErrorCode[]): error is CairnError {
  return error instanceof CairnError && (codes.length === 0 || codes.includes(error.code));
}

/** True where the bytes themselves are at fault, so that a reader may turn to another copy. */
export function isIntegrityError(error: unknown): error is CairnError {
  return isCairnError(error) && (error.code.startsWith('integrity/') || error.code === 'limit/exceeded');
}

/**
 * A Problem is trouble with one source file: data, not an exception. It is recorded in the snapshot, counted,
 * shown, and makes the exit status 3. `path` is escaped text as the command line prints it.
 */
export type Problem = { readonly path: string; readonly code: string; readonly message: string };
