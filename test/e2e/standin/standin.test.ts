/**
 * The stand-in held against Electron's own types: it may have less than Electron, never something Electron has not,
 * and what it lacks must throw. Otherwise a test could pass here and mean nothing.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

import { createCodec } from './codec.ts';
import * as electron from './electron.ts';

const typesFile = createRequire(import.meta.url).resolve('electron/electron.d.ts');

type Double = { readonly type: string; readonly double: object; readonly ours?: readonly string[] };
type Declared = { readonly members: Set<string>; readonly parents: Set<string> };

/** Members and parents of every class and interface in Electron's types. */
function declaredTypes(): Map<string, Declared> {
  const declared = new Map<string, Declared>();
  const visit = (node: ts.Node): void => {
    if ((ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) && node.name !== undefined) {
      const type = declared.get(node.name.text) ?? { members: new Set(), parents: new Set() };
      declared.set(node.name.text, type);
      for (const member of node.members) {
        if (member.name !== undefined && ts.isIdentifier(member.name)) type.members.add(member.name.text);
      }
      for (const parent of node.heritageClauses?.flatMap((clause) => clause.types) ?? []) {
        type.parents.add(parent.expression.getText().split('.').at(-1) ?? '');
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('electron.d.ts', readFileSync(typesFile, 'utf8'), ts.ScriptTarget.Latest, true));
  return declared;
}

const declared = declaredTypes();

function membersOf(name: string): Set<string> {
  const type = declared.get(name);
  if (type === undefined) return new Set();
  return new Set([
    ...type.members,
    ...[...type.parents].filter((parent) => parent !== name).flatMap((parent) => [...membersOf(parent)]),
  ]);
}

/** Of a class what its instances have; of an object what it has itself. */
const DOUBLES: readonly Double[] = [
  { type: 'App', double: Object.getPrototypeOf(electron.app) as object },
  { type: 'BrowserWindow', double: electron.BrowserWindow.prototype },
  {
    type: 'WebContents',
    double: electron.WebContents.prototype,
    ours: ['wantWindow', 'targetId', 'carryToPort', 'closePort', 'gone'],
  },
  { type: 'Menu', double: electron.Menu.prototype },
  { type: 'MenuItem', double: new electron.MenuItem({}) },
  { type: 'Tray', double: electron.Tray.prototype },
  { type: 'Notification', double: electron.Notification.prototype },
  { type: 'MessagePortMain', double: electron.MessagePortMain.prototype, ours: ['deliver', 'handOver', 'isCarriedBy'] },
  { type: 'MessageChannelMain', double: new electron.MessageChannelMain() },
  { type: 'UtilityProcess', double: electron.UtilityProcess.prototype, ours: ['carryToPort', 'closePort'] },
  { type: 'NativeImage', double: electron.nativeImage.createEmpty() },
  { type: 'Session', double: Object.getPrototypeOf(electron.session.defaultSession) as object, ours: ['grants'] },
  { type: 'NativeTheme', double: Object.getPrototypeOf(electron.nativeTheme) as object },
  { type: 'Clipboard', double: electron.clipboard },
  { type: 'CrashReporter', double: electron.crashReporter },
  { type: 'Dialog', double: electron.dialog },
  { type: 'IpcMain', double: electron.ipcMain },
  { type: 'PowerMonitor', double: electron.powerMonitor },
  { type: 'PowerSaveBlocker', double: electron.powerSaveBlocker },
  { type: 'Protocol', double: electron.protocol },
  { type: 'SafeStorage', double: electron.safeStorage },
  { type: 'Screen', double: electron.screen },
  { type: 'Shell', double: electron.shell },
];

const EMITTER = new Set([...Object.getOwnPropertyNames(EventEmitter.prototype), ...Object.keys(new EventEmitter())]);

describe('the stand-in', () => {
  it.each(DOUBLES)('has nothing in $type that Electron has not', ({ type, double, ours = [] }) => {
    const known = membersOf(type);
    expect(known.size).toBeGreaterThan(0);
    const invented = [double, ...(double === Object(double) ? [Object.getPrototypeOf(double) as object] : [])]
      .flatMap((level) =>
        level === Object.prototype || level === EventEmitter.prototype ? [] : Object.getOwnPropertyNames(level),
      )
      .filter((name) => !known.has(name) && !EMITTER.has(name) && name !== 'constructor' && !ours.includes(name));
    expect(invented).toEqual([]);
  });

  it('exports nothing that Electron’s main process has not', () => {
    const forTests = ['__standin', 'WebContents', 'UtilityProcess'];
    const known = readFileSync(typesFile, 'utf8');
    const invented = Object.keys(electron).filter(
      (name) => !forTests.includes(name) && !new RegExp(`(const|class) ${name}\\b`).test(known),
    );
    expect(invented).toEqual([]);
  });

  it.each([
    ['an object', (): unknown => Reflect.get(electron.dialog, 'showSaveDialog')],
    ['an instance', (): unknown => Reflect.get(electron.app, 'getFileIcon')],
    ['a preference of the session', (): unknown => Reflect.get(electron.session.defaultSession, 'setProxy')],
  ])('throws when %s is asked for what it lacks', (_what, ask) => {
    expect(ask).toThrow(/stand-in: electron\.\S+ is not implemented/);
  });

  it('carries over its line what structured clone does', () => {
    const { encode, decode } = createCodec();
    const value = {
      list: [1, undefined, null, NaN, -Infinity],
      date: new Date(5),
      map: new Map([[1, new Set(['x'])]]),
      bytes: new Uint8Array([1, 2, 255]),
      large: 10n,
      $: 'date',
      v: { nested: { $: 'undefined', v: null } },
    };
    expect(decode(encode(value))).toEqual(value);
    expect(decode(encode(new RangeError('too far')))).toMatchObject({ name: 'RangeError', message: 'too far' });
  });
});
