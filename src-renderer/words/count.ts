/** Numbers and their nouns: “1 file”, “2,340 files”, “no files”. */
const NUMBERS = new Intl.NumberFormat('en');

export function count(value: number): string {
  return NUMBERS.format(value);
}

type Noun = readonly [one: string, many: string];

const NOUNS = {
  file: ['file', 'files'],
  folder: ['folder', 'folders'],
  item: ['item', 'items'],
  problem: ['problem', 'problems'],
  snapshot: ['snapshot', 'snapshots'],
  damage: ['damaged part', 'damaged parts'],
  day: ['day', 'days'],
  minute: ['minute', 'minutes'],
  hit: ['hit', 'hits'],
  set: ['backup set', 'backup sets'],
  line: ['line', 'lines'],
  attempt: ['attempt', 'attempts'],
  drive: ['drive', 'drives'],
  rule: ['rule', 'rules'],
  run: ['run', 'runs'],
  conflict: ['conflict', 'conflicts'],
  version: ['version', 'versions'],
} as const satisfies Record<string, Noun>;

type NounName = keyof typeof NOUNS;

/** “1 file”, “2,340 files”. */
export function plural(value: number, noun: NounName): string {
  return `${count(value)} ${NOUNS[noun][value === 1 ? 0 : 1]}`;
}

/** “a”, “a and b”, “a, b and 3 more”. */
export function list(names: readonly string[], namesMax = 3): string {
  const [first = '', second = ''] = names;
  if (names.length <= 1) return first;
  if (names.length === 2) return `${first} and ${second}`;
  if (names.length <= namesMax) return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
  return `${names.slice(0, namesMax - 1).join(', ')} and ${count(names.length - namesMax + 1)} more`;
}
