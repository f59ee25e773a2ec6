/**
 * The house rules that neither the compiler nor a linter knows, read from the syntax tree of every source file. A rule
 * names what to use instead. Each one has a small offender below that it must report, so a rule that stopped working
 * fails too. Imports between rooms are held by .dependency-cruiser.cjs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const SOURCE_FOLDERS = ['src-main', 'src-shared', 'src-renderer'];

const FILE_LINES_MAX = 400;
/** A component shows one thing: its script, markup and styles together. */
const COMPONENT_LINES_MAX = 250;
const FUNCTION_LINES_MAX = 70;

/** Names that say nothing of what is inside, so everything ends up inside. */
const VAGUE_NAME = /^(utils?|helpers?|misc|common|stuff|tools)$/i;

/** Path prefix → why it may. An entry that no file needs any more is reported. */
type Allowance = Readonly<Record<string, string>>;

const CLOCK_AND_CHANCE_ALLOWED: Allowance = {
  'src-main/engine/kernel/ports.ts': 'the one place that asks the system; everyone else is handed Ports',
  'src-main/cli/clock.ts': 'the time of a line in the log, which is written before there is an engine with its ports',
  'src-renderer/state/clock.svelte.ts': 'the window’s one clock, so that every screen says the same “12 min ago”',
};
const SYNCHRONOUS_FS_ALLOWED: Allowance = {
  'src-main/engine/source/': 'runs in workers, where synchronous calls walk a tree five times as fast as promises',
  'src-main/engine/restore/': 'runs in workers, for the same reason',
  'src-main/engine/catalog/database-file.ts': 'runs in the catalog’s own thread, beside SQLite, which is synchronous',
};
const CONSOLE_ALLOWED: Allowance = {
  'src-main/cli/output': 'the one place that knows what belongs on standard output and what on standard error',
};

/** Where Electron may be imported, by name of a module or of a type. */
const ELECTRON_ALLOWED: Allowance = {
  'src-main/app/': 'everything that is about windows, trays and dialogs',
  'src-main/main.ts': 'puts the parts of the app together',
  'src-main/preload.ts': 'the bridge',
};

type Violation = { readonly path: string; readonly line: number; readonly rule: Rule; readonly message: string };
type Rule = keyof typeof OFFENDERS;
type Report = (rule: Rule, node: ts.Node | undefined, message: string) => void;

const isAllowed = (allowance: Allowance, file: string): boolean =>
  Object.keys(allowance).some((prefix) => file.startsWith(prefix));

/** `a.b` of a property access on plain names, else an empty text. */
function dottedName(node: ts.Node): string {
  if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return '';
  return `${node.expression.text}.${node.name.text}`;
}

type ModuleNames = {
  /** Local names that stand for the module as a whole. */
  readonly whole: ReadonlySet<string>;
  /** Exported name → the specifier that imports it. */
  readonly single: ReadonlyMap<string, ts.ImportSpecifier>;
};

/** What a file imports from one of Node's modules, with or without the “node:” in front. */
function namesFrom(tree: ts.SourceFile, moduleName: string): ModuleNames {
  const whole = new Set<string>();
  const single = new Map<string, ts.ImportSpecifier>();
  for (const statement of tree.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
    if (statement.moduleSpecifier.text.replace(/^node:/, '') !== moduleName) continue;
    const clause = statement.importClause;
    if (clause?.name) whole.add(clause.name.text);
    const bindings = clause?.namedBindings;
    if (bindings && ts.isNamespaceImport(bindings)) whole.add(bindings.name.text);
    if (bindings && ts.isNamedImports(bindings)) {
      for (const element of bindings.elements) single.set((element.propertyName ?? element.name).text, element);
    }
  }
  return { whole, single };
}

/** Reports every use of an export of `moduleName` whose name matches. */
function checkModuleUse(
  tree: ts.SourceFile,
  moduleName: string,
  name: RegExp,
  found: (node: ts.Node, name: string) => void,
): void {
  const { whole, single } = namesFrom(tree, moduleName);
  for (const [imported, specifier] of single) if (name.test(imported)) found(specifier, imported);
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && name.test(node.name.text)) {
      if (whole.has(node.expression.text)) found(node, node.name.text);
    }
    ts.forEachChild(node, visit);
  };
  if (whole.size > 0) visit(tree);
}

const isFunctionWithBody = (node: ts.Node): node is ts.FunctionLikeDeclaration =>
  (ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node)) &&
  node.body !== undefined;

/** What a single piece of syntax can do wrong, wherever it stands. */
function checkNode(node: ts.Node, file: string, tree: ts.SourceFile, report: Report): void {
  if (isFunctionWithBody(node)) {
    const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
    const lines = tree.getLineAndCharacterOfPosition(node.end).line - first + 1;
    if (lines > FUNCTION_LINES_MAX) {
      const rule = `at most ${FUNCTION_LINES_MAX}: keep the decisions, move the pure work into functions of its own`;
      report('function-length', node, `a function of ${lines} lines; ${rule}`);
    }
  }
  const name = dottedName(node);
  if (!isAllowed(CLOCK_AND_CHANCE_ALLOWED, file)) {
    if (name === 'Date.now' || name === 'performance.now') {
      report('clock', node, `${name} is banned, use ports.clock.nowMs() or ports.clock.monotonicMs()`);
    }
    if (ts.isNewExpression(node) && node.expression.getText(tree) === 'Date' && (node.arguments?.length ?? 0) === 0) {
      report('clock', node, 'new Date() is banned, use new Date(ports.clock.nowMs())');
    }
    if (name === 'Math.random') report('chance', node, 'Math.random is banned, use ports.random.bytes()');
  }
  if (name.startsWith('console.') && !isAllowed(CONSOLE_ALLOWED, file)) {
    report('console', node, `${name} is banned, return a value to cli/output or use ports.log`);
  }
}

/**
 * Imports that dependency-cruiser cannot see: it follows no type out of a component. The page imports what is shared,
 * and nothing but the app knows Electron.
 */
function checkImports(tree: ts.SourceFile, file: string, report: Report): void {
  for (const statement of tree.statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const specifier = statement.moduleSpecifier;
    if (specifier === undefined || !ts.isStringLiteral(specifier)) continue;
    if (/^electron($|\/)/.test(specifier.text) && !isAllowed(ELECTRON_ALLOWED, file)) {
      report('electron', statement, 'electron is imported in src-main/app only, use what engine-host/port.ts offers');
    }
    if (!file.startsWith('src-renderer/') || !specifier.text.startsWith('.')) continue;
    const target = path.posix.join(path.posix.dirname(file), specifier.text);
    if (!/^src-(renderer|shared)\//.test(target)) {
      report('renderer-import', statement, `${target} is not for the page, use what src-shared has`);
    }
  }
}

/** The script of a component, on the lines where it stands; any other file as it is. */
function scriptOf(file: string, text: string): string {
  if (!file.endsWith('.svelte')) return text;
  const blank = (part: string): string => part.replaceAll(/[^\n]/g, ' ');
  let script = '';
  let end = 0;
  for (const match of text.matchAll(/<script[^>]*>(.*?)<\/script>/gs)) {
    const code = match[1] ?? '';
    const start = match.index + match[0].indexOf('>') + 1;
    script += blank(text.slice(end, start)) + code;
    end = start + code.length;
  }
  return script + blank(text.slice(end));
}

/** Everything that is wrong with one file, given its path from the root with forward slashes. */
function checkFile(file: string, text: string): Violation[] {
  const violations: Violation[] = [];
  const isComponent = file.endsWith('.svelte');
  const script = scriptOf(file, text);
  const tree = ts.createSourceFile(`${file}.ts`, script, ts.ScriptTarget.ESNext, true);
  const report: Report = (rule, node, message) => {
    const line = node === undefined ? 1 : tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
    violations.push({ path: file, line, rule, message });
  };
  const visit = (node: ts.Node): void => {
    checkNode(node, file, tree, report);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  checkImports(tree, file, report);

  const lines = text.trimEnd().split('\n').length;
  const linesMax = isComponent ? COMPONENT_LINES_MAX : FILE_LINES_MAX;
  if (lines > linesMax) {
    report('file-length', undefined, `${lines} lines, at most ${linesMax}: find the second idea and give it a file`);
  }
  if (!(isComponent ? /^<!--/ : /^(#!.*\n)?\/\*\*/).test(text)) {
    const opening = isComponent ? '<!-- comment -->' : '/** comment */';
    report('opening-comment', undefined, `open with a ${opening}: what this file is for and what always holds in it`);
  }
  const leftover = /\b(TODO|FIXME|XXX|HACK)\b/.exec(text);
  if (leftover) report('leftover', undefined, `${leftover[0]} is banned, do it now or open an issue`);
  const vague = file.split('/').find((part) => VAGUE_NAME.test(part.replace(/\..*$/, '')));
  if (vague !== undefined) report('vague-name', undefined, `“${vague}” is banned, name the thing that is inside`);

  if (!isAllowed(SYNCHRONOUS_FS_ALLOWED, file)) {
    checkModuleUse(tree, 'fs', /Sync$/, (node, name) => {
      report(
        'synchronous-fs',
        node,
        `${name} is banned, use node:fs/promises (only what is listed above runs in workers)`,
      );
    });
  }
  if (!isAllowed(CLOCK_AND_CHANCE_ALLOWED, file)) {
    checkModuleUse(tree, 'crypto', /^random/, (node, name) => {
      report('chance', node, `${name} is banned, use ports.random.bytes()`);
    });
  }
  return violations;
}

/** Every room of the engine has a door. */
function checkDoors(files: readonly string[]): Violation[] {
  const rooms = new Set(files.map((file) => /^src-main\/engine\/[^/]+\//.exec(file)?.[0] ?? ''));
  rooms.delete('');
  return [...rooms]
    .filter((room) => !files.includes(`${room}index.ts`))
    .map((room) => ({
      path: room,
      line: 1,
      rule: 'door',
      message: 'needs an index.ts that exports what others may use',
    }));
}

const function71 = `function long(): void {\n${'  step();\n'.repeat(FUNCTION_LINES_MAX - 1)}}\n`;

/** For each rule one file that breaks it and nothing else. */
const OFFENDERS = {
  'file-length': { file: 'src-main/a.ts', text: `/** A. */\n${'step();\n'.repeat(FILE_LINES_MAX)}` },
  'function-length': { file: 'src-main/a.ts', text: `/** A. */\n${function71}` },
  clock: { file: 'src-main/a.ts', text: '/** A. */\nexport const startedAt = new Date();\n' },
  chance: { file: 'src-main/a.ts', text: "/** A. */\nimport { randomBytes } from 'node:crypto';\n" },
  'synchronous-fs': { file: 'src-main/cli/a.ts', text: "/** A. */\nimport { statSync as look } from 'node:fs';\n" },
  console: { file: 'src-main/cli/main.ts', text: "/** A. */\nconsole.error('no');\n" },
  'opening-comment': { file: 'src-main/a.ts', text: '// A.\nexport const one = 1;\n' },
  leftover: { file: 'src-main/a.ts', text: `/** A. */\n// ${'TO' + 'DO'}: later\n` },
  'vague-name': { file: 'src-main/engine/store/utils.ts', text: '/** A. */\n' },
  door: { file: 'src-main/engine/attic/box.ts', text: '/** A. */\n' },
  electron: { file: 'src-main/cli/a.ts', text: "/** A. */\nimport type { App } from 'electron';\n" },
  'renderer-import': {
    file: 'src-renderer/screens/A.svelte',
    text: '<!-- A. -->\n<script lang="ts">\n  import type { Host } from \'../../src-main/cli/host.ts\';\n</script>\n',
  },
} as const;

const check = (file: string, text: string): Violation[] => [...checkFile(file, text), ...checkDoors([file])];

/** Paths of all source files, with forward slashes, from the root. */
function sourceFiles(): string[] {
  return SOURCE_FOLDERS.flatMap((folder) => {
    const absolute = path.join(root, folder);
    const names = readdirSync(absolute, { recursive: true, encoding: 'utf8' });
    const sources = names.filter((name) => /\.(ts|svelte)$/.test(name));
    return sources.map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
  });
}

describe('the sources', () => {
  const files = sourceFiles();

  it('are found', () => {
    expect(files).toContain('src-shared/ids.ts');
    expect(files).toContain('src-main/engine/kernel/index.ts');
    expect(files).toContain('src-renderer/App.svelte');
  });

  it('keep the house rules', () => {
    const violations = [
      ...files.flatMap((file) => checkFile(file, readFileSync(path.join(root, file), 'utf8'))),
      ...checkDoors(files),
    ];
    expect(violations.map(({ path, line, rule, message }) => `${path}:${line} [${rule}] ${message}`)).toEqual([]);
  });

  it('need every exception that is made for them', () => {
    const allowances = [CLOCK_AND_CHANCE_ALLOWED, SYNCHRONOUS_FS_ALLOWED, CONSOLE_ALLOWED, ELECTRON_ALLOWED];
    const prefixes = allowances.flatMap((allowance) => Object.keys(allowance));
    expect(prefixes.filter((prefix) => !files.some((file) => file.startsWith(prefix)))).toEqual([]);
  });
});

describe('the rules', () => {
  it.each(Object.entries(OFFENDERS))('report what breaks %s', (rule, { file, text }) => {
    const found = check(file, text).filter((violation) => violation.rule !== 'door' || rule === 'door');
    expect(found.map((violation) => violation.rule)).toEqual([rule]);
  });

  it.each([
    ['Date.now()', 'clock'],
    ['performance.now()', 'clock'],
    ['Math.random()', 'chance'],
  ])('report %s', (call, rule) => {
    expect(check('src-shared/a.ts', `/** A. */\nexport const a = ${call};\n`).map((found) => found.rule)).toEqual([
      rule,
    ]);
  });

  it('report synchronous calls through a whole-module import, with their line', () => {
    const text = "/** A. */\nimport fs from 'fs';\nexport const names = fs.readdirSync('.');\n";
    expect(check('src-main/a.ts', text)).toMatchObject([{ rule: 'synchronous-fs', line: 3 }]);
  });

  it('accept the same calls where a reason is written down', () => {
    const reading = "/** A. */\nimport { readSync } from 'node:fs';\n";
    expect(checkFile('src-main/engine/source/read.ts', reading)).toEqual([]);
    expect(checkFile('src-main/engine/kernel/ports.ts', '/** A. */\nexport const now = () => Date.now();\n')).toEqual(
      [],
    );
    expect(checkFile('src-main/cli/output/text.ts', "/** A. */\nconsole.log('yes');\n")).toEqual([]);
  });

  it('read a component’s script on its own lines', () => {
    const text = '<!-- A. -->\n<h1>Date.now()</h1>\n<script lang="ts">\n  const now = Date.now();\n</script>\n';
    expect(check('src-renderer/A.svelte', text)).toMatchObject([{ rule: 'clock', line: 4 }]);
  });

  it('accept a file at the limits', () => {
    const function70 = function71.replace('  step();\n', '');
    const filler = '// filler\n'.repeat(FILE_LINES_MAX - 1 - FUNCTION_LINES_MAX);
    expect(checkFile('src-main/a.ts', `/** A. */\n${function70}${filler}`)).toEqual([]);
  });

  it('do not mistake zlib or a method of our own for synchronous file access', () => {
    const text = "/** A. */\nimport { gzipSync } from 'node:zlib';\nexport const b = gzipSync(store.readSync());\n";
    expect(checkFile('src-main/a.ts', text)).toEqual([]);
  });
});
