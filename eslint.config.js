/**
 * Lint rules find what types cannot: a promise nobody waits for, a switch that forgot a variant. Layout is prettier's,
 * imports between rooms are dependency-cruiser's, house rules are test/architecture.test.ts's.
 */
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

import svelteConfig from './svelte.config.js';

/** The same for every file: with different ones the compiler would load the project anew for each kind. */
const parserOptions = { projectService: true, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.svelte'] };

const typescript = {
  files: ['**/*.ts', '**/*.svelte'],
  extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
  languageOptions: { parserOptions },
  linterOptions: { reportUnusedDisableDirectives: 'error' },
  rules: {
    // A failure that nobody waits for is a failure that nobody hears of.
    '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
    // A new variant must be met at every switch; assertNever in `default` does not excuse a missing case.
    '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: false }],
    '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    '@typescript-eslint/consistent-type-definitions': ['error', 'type'],
    '@typescript-eslint/explicit-module-boundary-types': 'error',
    '@typescript-eslint/no-explicit-any': 'error',
    '@typescript-eslint/no-non-null-assertion': 'error',
    '@typescript-eslint/prefer-readonly': 'error',
    '@typescript-eslint/no-import-type-side-effects': 'error',
    eqeqeq: 'error',
    'no-console': 'off', // test/architecture.test.ts says where, with the module to use instead.
    'no-restricted-syntax': [
      'error',
      { selector: 'ExportDefaultDeclaration', message: 'Export by name: one thing, one name, everywhere.' },
      { selector: 'TSEnumDeclaration', message: 'Use a union of literals, or a const table.' },
    ],
    // Numbers, booleans and bigints print well in a template; it is objects and undefined that never should.
    '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    // Returning the nothing that another function returned is short and does no harm.
    '@typescript-eslint/no-confusing-void-expression': 'off',
    // A branded id's parser takes its type from where the result goes, and nowhere else.
    '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    // The types of Node say that every constant exists; on some platforms some do not.
    '@typescript-eslint/no-useless-default-assignment': 'off',
    // A loop may be meant to end from the inside only.
    '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
    // An interface may promise a promise that one implementation has at once.
    '@typescript-eslint/require-await': 'off',
    // A leading underscore says: the shape wants this name, the code does not.
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
  },
};

/** Components. Svelte's compiler and svelte-check know what a template means, so what they report is not said twice. */
const components = {
  files: ['**/*.svelte', '**/*.svelte.ts'],
  extends: [svelte.configs.recommended, svelte.configs.prettier],
  languageOptions: { parserOptions: { ...parserOptions, parser: tseslint.parser, svelteConfig } },
  rules: {
    // A rune is assigned where it is declared and changed where nobody sees an assignment.
    'prefer-const': 'off',
    'svelte/prefer-const': 'error',
    // Text of the user's files is shown; none of it may ever be markup.
    'svelte/no-at-html-tags': 'error',
    // State is $state.raw and replaced as a whole; a map that is filled and then handed on needs no signals.
    'svelte/prefer-svelte-reactivity': 'off',
    // svelte-check reads components as they are; the linter sees props and snippets without their types.
    'no-undef': 'off',
    '@typescript-eslint/no-unsafe-assignment': 'off',
    '@typescript-eslint/no-unsafe-argument': 'off',
    '@typescript-eslint/no-unsafe-call': 'off',
    '@typescript-eslint/no-unsafe-member-access': 'off',
    '@typescript-eslint/no-unsafe-return': 'off',
  },
};

/** What the compiler makes of a component is a default export. */
const componentTypes = {
  files: ['src-renderer/svelte-modules.d.ts'],
  rules: { 'no-restricted-syntax': 'off' },
};

const tests = {
  files: ['test/**/*.ts'],
  rules: {
    // A test that meets undefined fails, which is all that it could do about it.
    '@typescript-eslint/no-non-null-assertion': 'off',
    '@typescript-eslint/explicit-module-boundary-types': 'off',
    // A double often has a method that does nothing.
    '@typescript-eslint/no-empty-function': 'off',
  },
};

const toolConfigs = {
  files: ['*.config.ts'],
  rules: { 'no-restricted-syntax': 'off' }, // The tools ask for a default export.
};

const readonlyGlobals = (names) => Object.fromEntries(names.split(' ').map((name) => [name, 'readonly']));
const nodeGlobals = readonlyGlobals('Buffer console performance process setTimeout');
const moduleGlobals = readonlyGlobals(
  'AbortController TextDecoder TextEncoder URL WebAssembly clearTimeout setInterval',
);
const commonJsGlobals = readonlyGlobals('Atomics SharedArrayBuffer __dirname module require');

const scripts = {
  files: ['**/*.mjs', '*.js'],
  extends: [js.configs.recommended],
  languageOptions: { globals: { ...nodeGlobals, ...moduleGlobals } },
};

const oldNodeScripts = {
  files: ['**/*.cjs'],
  extends: [js.configs.recommended],
  languageOptions: {
    sourceType: 'commonjs',
    // What any old Node can read. A newer piece of syntax here turns “needs Node 22” into a syntax error.
    ecmaVersion: 2015,
    globals: { ...nodeGlobals, ...commonJsGlobals },
  },
  rules: { 'no-unused-vars': ['error', { caughtErrors: 'none' }] },
};

/** The exceptions to 2015: read by tools, or only after the version check. */
const newerCommonJs = {
  files: ['.dependency-cruiser.cjs', 'scripts/import.cjs'],
  languageOptions: { ecmaVersion: 2023 },
};

export default defineConfig(
  globalIgnores(['out/', 'coverage/', '**/*.assembly.ts', 'src-main/engine/codec/chunk-wasm.ts', 'test/golden/']),
  typescript,
  components,
  componentTypes,
  tests,
  toolConfigs,
  scripts,
  oldNodeScripts,
  newerCommonJs,
);
