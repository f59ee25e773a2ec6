/**
 * Which stage of a backup, restore or verify a piece of a CPU profile belongs to: one table from modules and functions
 * to stages. What no line of the table knows is “other”, and is shown with its largest parts, so that the table can't
 * grow wrong unnoticed when the engine is rearranged.
 */

/** In the order of the printed table. */
export const STAGES = [
  'start-up',
  'keys',
  'walk, list, rules',
  'read',
  'hash',
  'chunk',
  'compress',
  'decompress',
  'seal, open',
  'verify',
  'pages, NodeIds',
  'index',
  'packs',
  'files of the repository',
  'restored files',
  'worker messages',
  'bookkeeping',
  'command line',
  'GC',
  'outside JavaScript',
  'idle',
  'other',
] as const;
export type Stage = (typeof STAGES)[number];

/** `module` as in `engine/codec/hash.ts`, `node:fs`, or empty for native code. */
export type Frame = { readonly name: string; readonly module: string };

type Rule = { readonly stage: Stage; readonly module: RegExp; readonly name?: RegExp };

/** These win wherever on the stack they are: what is done for them is theirs. */
const OWNERS: readonly Rule[] = [
  { stage: 'verify', module: /^engine\/pack\/(check|segment)\.ts$/, name: /verif|check/i },
  { stage: 'keys', module: /^engine\/codec\/(keys|recovery-key)\.ts$/ },
  { stage: 'start-up', module: /^node:internal\/(modules|bootstrap|main|process\/pre_execution)/ },
  { stage: 'start-up', module: /^engine\/codec\/self-test\.ts$/ },
];

/** Read from the innermost call outwards; the first line that fits wins. */
const RULES: readonly Rule[] = [
  { stage: 'GC', module: /^$/, name: /^\(garbage collector\)$/ },
  { stage: 'idle', module: /^$/, name: /^\(idle\)$/ },
  { stage: 'outside JavaScript', module: /^$/, name: /^\(program\)$/ },
  { stage: 'worker messages', module: /^$|^node:/, name: /^(postMessage|receiveMessageOnPort|emitMessage)$/ },
  { stage: 'worker messages', module: /^node:internal\/(worker|per_context\/messageport)/ },
  { stage: 'worker messages', module: /^engine\/[a-z]+\/[a-z-]*worker\.ts$/, name: /^tell$/ },
  { stage: 'read', module: /^engine\/source\/(small-)?file\.ts$/ },
  { stage: 'walk, list, rules', module: /^engine\/source\// },
  { stage: 'hash', module: /^engine\/codec\/hash/ },
  { stage: 'chunk', module: /^engine\/codec\/chunk|^wasm:/ },
  { stage: 'decompress', module: /^engine\/codec\/(compress|background|zstd)/, name: /decompress/i },
  { stage: 'compress', module: /^engine\/codec\/(compress|background|zstd)/ },
  { stage: 'seal, open', module: /^engine\/codec\/(seal|sign|envelope|object-file|value-format)/ },
  { stage: 'pages, NodeIds', module: /^engine\/merkle\/|^engine\/backup\/(folder-seal|entries)\.ts$/ },
  { stage: 'index', module: /^engine\/pack\/(index|page-cache)/ },
  { stage: 'index', module: /^engine\/kernel\/(id-table|filter)|^engine\/repository\/(blob-index|index-writer|tiers)/ },
  { stage: 'packs', module: /^engine\/pack\/|^engine\/repository\/(write-session|upload|blob-reader)/ },
  { stage: 'files of the repository', module: /^engine\/store\// },
  // Only the store works with promises: what has no caller is what goes on after one was kept.
  { stage: 'files of the repository', module: /^node:internal\/fs\/promises$/ },
  {
    stage: 'restored files',
    module: /^engine\/restore\/(target|put|write|file-writer|holes|large-file|descriptor|folder-access)/,
  },
  { stage: 'bookkeeping', module: /^engine\/(backup|restore|verify|browse|service|snapshot|repository)\// },
  { stage: 'bookkeeping', module: /^engine\/kernel\/(bounded|breathe)\.ts$/ },
  { stage: 'bookkeeping', module: /^engine\/engine[a-z-]*\.ts$/ },
  { stage: 'bookkeeping', module: /^node:(internal\/process\/task_queues|internal\/timers|events)$/ },
  { stage: 'command line', module: /^cli\/|^commander/ },
];

/** These only help: what they do belongs to whoever called them. */
const HELPER = /^$|^node:|^@msgpack\/|^engine\/kernel\/|^engine\/codec\/layout|^src-shared\//;

const fits = ({ module, name }: Rule, frame: Frame): boolean =>
  module.test(frame.module) && (name === undefined || name.test(frame.name));

/** `stack` from the innermost call outwards. */
export function stageOf(stack: readonly Frame[]): Stage {
  const owner = OWNERS.find((rule) => stack.some((frame) => fits(rule, frame)));
  if (owner !== undefined) return owner.stage;
  for (const frame of stack) {
    const rule = RULES.find((candidate) => fits(candidate, frame));
    if (rule !== undefined) return rule.stage;
    if (!HELPER.test(frame.module)) return 'other';
  }
  return 'other';
}
