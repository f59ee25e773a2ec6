/**
 * One pattern of an ignore file, as gitignore(5) describes it and as git itself reads it, byte oddities included:
 *
 *   *  ?  [a-z]  [!x]  [[:alpha:]]   within one name         \x   the character itself
 *   **  as a whole name between slashes: any number of folders; elsewhere the same as *
 *
 * A pattern becomes a list of steps, and all ways to match are followed at once, one character after the other. So the
 * time is at most pattern length × text length whatever the pattern is; nothing backtracks. (A pattern as a regular
 * expression does; one with “**” as eight of its names took 2.7 s for a single path of 40 folders.)
 *
 * Two differences to git: “?” and a class stand for one character where git takes one byte, and upper and lower case
 * differ on every system.
 */

/** One pattern; longer lines are a mistake or an attack. */
export const PATTERN_CHARACTERS_MAX = 1024;

export type IgnorePattern = {
  /** “!”: takes an earlier rule back. */
  readonly takesBack: boolean;
  readonly foldersOnly: boolean;
  /** Matches the name alone, at any depth; otherwise the path from the folder of the ignore file. */
  readonly onName: boolean;
  readonly matches: (text: string) => boolean;
  /** Set where the pattern matches this text and no other. */
  readonly literal?: string;
  /** Set where the pattern matches every text that ends in this and no other. */
  readonly suffix?: string;
};

const CHARACTER = 0;
/** One character but “/”; the next step takes the second half of a surrogate pair. */
const ANY = 1;
const CLASS = 2;
const LOW_HALF = 3;
/** Any number of characters but “/”. */
const STAR = 4;
/** Any number of any characters. */
const ALL = 5;
/** Before the two steps ALL and “/” that “**” and its slash become: they may be left out. */
const OPTIONAL_FOLDERS = 6;
const END = 7;

type Step = { readonly kind: number; readonly code: number; readonly isIn?: (code: number) => boolean };

const SLASH = 0x2f;
const BACKSLASH = '\\';

/**
 * Reads one line without its line end. Undefined: not a rule (empty, a comment). “bad”: a pattern that git too reads
 * as one that never matches, or one that is too long.
 */
export function parseIgnorePattern(line: string): IgnorePattern | undefined | 'bad' {
  if (line.startsWith('#')) return undefined;
  let pattern = trimSpaces(line);
  const takesBack = pattern.startsWith('!');
  if (takesBack) pattern = pattern.slice(1);
  if (pattern === '') return undefined;
  if (pattern.length > PATTERN_CHARACTERS_MAX || pattern.includes('\ufffd')) return 'bad';
  pattern = pattern.normalize('NFC');
  const foldersOnly = pattern.endsWith('/');
  if (foldersOnly) pattern = pattern.slice(0, -1);
  if (pattern === '') return undefined;
  const onName = !pattern.includes('/');
  // One slash in front only says that the pattern is a path.
  if (pattern.startsWith('/')) pattern = pattern.slice(1);
  const plainLength = /[*?[\\]/.exec(pattern)?.index ?? pattern.length;
  const flags = { takesBack, foldersOnly, onName };
  if (plainLength === pattern.length) return { ...flags, literal: pattern, matches: (text) => text === pattern };
  if (onName && /^\*[^*?[\\]*$/.test(pattern)) {
    const suffix = pattern.slice(1);
    return { ...flags, suffix, matches: (text) => text.endsWith(suffix) };
  }
  const steps = compile(pattern, plainLength);
  if (steps === undefined) return 'bad';
  const program = new Program(steps);
  // Most patterns begin with plain characters; comparing those first settles most names.
  const plain = pattern.slice(0, plainLength);
  return { ...flags, matches: (text) => text.startsWith(plain) && program.matches(text) };
}

/** Spaces at the end go, unless a backslash stands before one. */
function trimSpaces(line: string): string {
  let end = 0;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === BACKSLASH) at++;
    else if (line[at] === ' ') continue;
    end = Math.min(at + 1, line.length);
  }
  return line.slice(0, end);
}

/** The steps of a pattern, or undefined for one that can't match anything. */
function compile(pattern: string, plainLength: number): readonly Step[] | undefined {
  const steps: Step[] = [];
  const character = (code: number): void => void steps.push({ kind: CHARACTER, code });
  for (let at = 0; at < pattern.length;) {
    const sign = pattern[at];
    if (sign === '*') {
      at = compileStars(pattern, at, plainLength, steps);
    } else if (sign === '?') {
      steps.push({ kind: ANY, code: 0 }, { kind: LOW_HALF, code: 0 });
      at++;
    } else if (sign === '[') {
      const bracket = readBracket(pattern, at);
      if (bracket === undefined) return undefined;
      steps.push({ kind: CLASS, code: 0, isIn: bracket.isIn }, { kind: LOW_HALF, code: 0 });
      at = bracket.end;
    } else {
      if (sign === BACKSLASH) at++;
      if (at >= pattern.length) return undefined;
      character(pattern.charCodeAt(at));
      at++;
    }
  }
  steps.push({ kind: END, code: 0 });
  return steps;
}

/**
 * A run of stars. git takes what comes before the first wildcard off the pattern first, so that a run right behind it
 * counts as the beginning of a name: the “**” of “foo**” + “/bar” matches “baz/x”.
 */
function compileStars(pattern: string, start: number, plainLength: number, steps: Step[]): number {
  let end = start;
  while (pattern[end] === '*') end++;
  const isAtBeginning = start === plainLength || pattern[start - 1] === '/';
  const next = pattern[end];
  const isBeforeEnd = next === undefined || next === '/' || (next === BACKSLASH && pattern[end + 1] === '/');
  if (end - start < 2 || !isAtBeginning || !isBeforeEnd) {
    steps.push({ kind: STAR, code: 0 });
    return end;
  }
  if (next === '/') {
    steps.push({ kind: OPTIONAL_FOLDERS, code: 0 }, { kind: ALL, code: 0 }, { kind: CHARACTER, code: SLASH });
    return end + 1;
  }
  steps.push({ kind: ALL, code: 0 });
  return end;
}

/** What git calls these, in ASCII only. */
const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // eslint-disable-next-line no-control-regex -- that is what the class is
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

type Bracket = { readonly end: number; readonly isIn: (code: number) => boolean };
type Member = (code: number) => boolean;

/** A bracket expression that begins at `start`; undefined where it has no end or names an unknown class. */
function readBracket(pattern: string, start: number): Bracket | undefined {
  let at = start + 1;
  const isNegated = pattern[at] === '!' || pattern[at] === '^';
  if (isNegated) at++;
  const members: Member[] = [];
  /** The character a “-” could make a range from. */
  let from: number | undefined;
  for (let isFirst = true; isFirst || pattern[at] !== ']'; isFirst = false) {
    const sign = pattern[at];
    if (sign === undefined) return undefined;
    if (sign === '-' && from !== undefined && pattern[at + 1] !== undefined && pattern[at + 1] !== ']') {
      const to = readMember(pattern, at + 1);
      if (to === undefined) return undefined;
      const low = from;
      members.push((code) => code >= low && code <= to.code);
      from = undefined;
      at = to.end;
      continue;
    }
    const named = sign === '[' && pattern[at + 1] === ':' ? readNamedClass(pattern, at) : 'none';
    if (named === undefined) return undefined;
    if (named !== 'none') {
      members.push(named.isIn);
      from = undefined;
      at = named.end;
      continue;
    }
    const member = readMember(pattern, at);
    if (member === undefined) return undefined;
    members.push((code) => code === member.code);
    from = member.code;
    at = member.end;
  }
  const isIn: Member = (code) => code !== SLASH && members.some((has) => has(code)) !== isNegated;
  return { end: at + 1, isIn };
}

function readMember(pattern: string, start: number): { readonly code: number; readonly end: number } | undefined {
  const at = pattern[start] === BACKSLASH ? start + 1 : start;
  const code = pattern.charCodeAt(at);
  // Half of a character would match half of another.
  return Number.isNaN(code) || isSurrogate(code) ? undefined : { code, end: at + 1 };
}

/** “[:name:]”; “none” where no “:]” ends it, so that the bracket is an ordinary character. */
function readNamedClass(pattern: string, start: number): Bracket | undefined | 'none' {
  const end = pattern.indexOf(']', start + 2);
  if (end < 0) return undefined;
  if (end === start + 2 || pattern[end - 1] !== ':') return 'none';
  const name = pattern.slice(start + 2, end - 1);
  const shape = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (shape === undefined) return undefined;
  return { end: end + 1, isIn: (code) => shape.test(String.fromCharCode(code)) };
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
}

/** Three steps come from two characters at most. */
const STEPS_MAX = 2 * PATTERN_CHARACTERS_MAX + 1;
/** Which steps are waiting for the next character, and the mark that says so; shared, because nothing here waits. */
let waiting = new Uint16Array(STEPS_MAX);
let coming = new Uint16Array(STEPS_MAX);
const marks = new Uint32Array(STEPS_MAX);
let mark = 0;

class Program {
  readonly #steps: readonly Step[];

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  matches(text: string): boolean {
    const steps = this.#steps;
    let count = this.#enter(0, 0, nextMark());
    for (let at = 0; at < text.length && count > 0; at++) {
      const code = text.charCodeAt(at);
      const now = waiting;
      waiting = coming;
      coming = now;
      const newMark = nextMark();
      let newCount = 0;
      for (let index = 0; index < count; index++) {
        const from = coming[index] ?? 0;
        const to = stepOver(steps[from], from, code);
        if (to >= 0) newCount = this.#enter(to, newCount, newMark);
      }
      count = newCount;
    }
    for (let index = 0; index < count; index++) if (steps[waiting[index] ?? 0]?.kind === END) return true;
    return false;
  }

  /** Adds a step, and what follows without a character, to those that wait. Returns how many wait. */
  #enter(from: number, waitingCount: number, current: number): number {
    let count = waitingCount;
    for (let step = from; marks[step] !== current; step++) {
      marks[step] = current;
      waiting[count++] = step;
      const kind = this.#steps[step]?.kind;
      if (kind === OPTIONAL_FOLDERS) count = this.#enter(step + 3, count, current);
      else if (kind !== STAR && kind !== ALL) break;
    }
    return count;
  }
}

/** The step that waits after this one took a character, itself where it takes any number, or −1. */
function stepOver(step: Step | undefined, from: number, code: number): number {
  if (step === undefined) return -1;
  switch (step.kind) {
    case CHARACTER:
      return code === step.code ? from + 1 : -1;
    case ANY:
      return code === SLASH ? -1 : afterAny(from, code);
    case CLASS:
      return step.isIn?.(code) === true ? afterAny(from, code) : -1;
    case LOW_HALF:
      return code >= 0xdc00 && code <= 0xdfff ? from + 1 : -1;
    case STAR:
      return code === SLASH ? -1 : from;
    case ALL:
      return from;
    default:
      return -1;
  }
}

function afterAny(from: number, code: number): number {
  return code >= 0xd800 && code <= 0xdbff ? from + 1 : from + 2;
}

function nextMark(): number {
  mark = (mark + 1) >>> 0;
  if (mark === 0) {
    marks.fill(0);
    mark = 1;
  }
  return mark;
}
