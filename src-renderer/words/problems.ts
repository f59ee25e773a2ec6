/** Problems with single files, by code: what they mean together, and what to do about all of them at once. */

export type ProblemWords = { readonly title: string; readonly advice: string };

const NOT_ALLOWED: ProblemWords = {
  title: 'Cairn is not allowed to read these',
  advice: 'They belong to another user. Change their permissions, or leave them out of the backup.',
};
const CHANGED: ProblemWords = {
  title: 'These changed while they were read',
  advice: 'A program was writing to them. The next backup takes them when they hold still.',
};
const DRIVE: ProblemWords = {
  title: 'The drive could not read or write these',
  advice: 'The drive may be failing. Copy what matters elsewhere, then check the drive.',
};
const GONE: ProblemWords = {
  title: 'These vanished while the backup ran',
  advice: 'Usually temporary files. Nothing to do if you did not expect them.',
};
const BUSY: ProblemWords = {
  title: 'Other programs hold these locked',
  advice: 'Close those programs and back up again.',
};
const NAMES: ProblemWords = {
  title: 'This place does not accept these names',
  advice: 'Restore them to a drive with another file system, or rename them afterwards.',
};
const SPACE: ProblemWords = {
  title: 'There was no space left for these',
  advice: 'Free some space there and run it again.',
};
const UNSUPPORTED: ProblemWords = {
  title: 'This place can’t keep everything about these',
  advice: 'Their contents are complete. Owners, permissions or extra attributes are not.',
};
const IN_THE_WAY: ProblemWords = {
  title: 'Something else is in the way of these',
  advice: 'Move what is there aside, or restore to another folder.',
};
const NETWORK: ProblemWords = {
  title: 'The network drive did not answer',
  advice: 'Check the connection and run it again.',
};
const LIMITS: ProblemWords = {
  title: 'The computer ran out of room to work on these',
  advice: 'Close other programs and run it again.',
};

const HOOK: ProblemWords = {
  title: 'The command after the backup failed',
  advice: 'The backup itself is complete. The log has what the command said.',
};

export const PROBLEM_WORDS: Readonly<Record<string, ProblemWords>> = {
  'hook-failed': HOOK,
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  ENOENT: GONE,
  ENOTDIR: CHANGED,
  EISDIR: CHANGED,
  'changed-while-read': CHANGED,
  REPLACED: CHANGED,
  EIO: DRIVE,
  EUCLEAN: DRIVE,
  ENXIO: DRIVE,
  ENODEV: DRIVE,
  EBUSY: BUSY,
  ETXTBSY: BUSY,
  EAGAIN: BUSY,
  ENOSPC: SPACE,
  EDQUOT: SPACE,
  EROFS: { title: 'The drive is mounted read-only', advice: 'Make it writable, or choose another folder.' },
  EFBIG: {
    title: 'These are too large for this file system',
    advice: 'Restore them to a drive with another file system.',
  },
  ENAMETOOLONG: NAMES,
  EINVAL: NAMES,
  EILSEQ: NAMES,
  BADNAME: NAMES,
  EEXIST: IN_THE_WAY,
  ENOTEMPTY: IN_THE_WAY,
  ENOTSUP: UNSUPPORTED,
  EOPNOTSUPP: UNSUPPORTED,
  ENOSYS: UNSUPPORTED,
  EOVERFLOW: UNSUPPORTED,
  EMLINK: UNSUPPORTED,
  EXDEV: UNSUPPORTED,
  ESTALE: NETWORK,
  ETIMEDOUT: NETWORK,
  EHOSTDOWN: NETWORK,
  ENOTCONN: NETWORK,
  EMFILE: LIMITS,
  ENFILE: LIMITS,
  ENOMEM: LIMITS,
  ELOOP: { title: 'Links lead in a circle here', advice: 'Remove one of the links, or leave the folder out.' },
  'link-circle': { title: 'Links lead in a circle here', advice: 'Remove one of the links, or leave the folder out.' },
  'source-away': {
    title: 'A folder is not there now',
    advice: 'Connect its drive, or take it out of the backup set. What was backed up of it before is still there.',
  },
  'too-deep': {
    title: 'These folders are nested too deeply',
    advice: 'Move them closer to the top, or protect the inner folder by itself.',
  },
  'ignore-pattern': {
    title: 'A rule in an ignore file can’t be understood',
    advice: 'Correct the line. Until then it leaves nothing out.',
  },
};

const OTHER: ProblemWords = {
  title: 'The system reported trouble with these',
  advice: 'Everything else went well. Look at the list and try again.',
};

export function problemWords(code: string): ProblemWords {
  return PROBLEM_WORDS[code] ?? OTHER;
}
