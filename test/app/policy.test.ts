/** What the app decides without Electron: links, senders, autostart entries, folder handles, the window's place. */
import { spawnSync } from 'node:child_process';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import {
  autostartCommand,
  autostartEntry,
  autostartFile,
  quotedArgument,
} from '../../src-main/app/policy/autostart.ts';
import { RestartLimit } from '../../src-main/app/policy/restart-limit.ts';
import { parseShellState, windowPlace } from '../../src-main/app/policy/shell-state.ts';
import { trayIcon } from '../../src-main/app/policy/tray-icon.ts';
import { trayItems, trayTip } from '../../src-main/app/policy/tray.ts';
import { isAllowedLink, isTrustedSender } from '../../src-main/app/policy/trust.ts';

describe('a sender', () => {
  const own = new Set([7]);
  const page = { contentsId: 7, frameUrl: 'app://cairn/index.html', isMainFrame: true };

  it('is trusted only as our page in the main frame of our window', () => {
    expect(isTrustedSender(page, own)).toBe(true);
    expect(isTrustedSender({ ...page, frameUrl: 'app://cairn/index.html#restore' }, own)).toBe(true);
    expect(isTrustedSender({ ...page, contentsId: 8 }, own)).toBe(false);
    expect(isTrustedSender({ ...page, isMainFrame: false }, own)).toBe(false);
    expect(isTrustedSender(page, new Set())).toBe(false);
  });

  it.each([
    'https://cairn/index.html',
    'app://other/index.html',
    'app://cairn.evil/',
    'file:///cairn',
    'about:blank',
    '',
    undefined,
  ])('is not trusted from %s', (frameUrl) => expect(isTrustedSender({ ...page, frameUrl }, own)).toBe(false));
});

describe('a link', () => {
  it.each([
    'https://git-scm.com/docs/gitignore',
    'https://git-scm.com/docs/gitignore#x',
    'https://bford.info/cachedir/spec',
  ])('is opened: %s', (link) => expect(isAllowedLink(link)).toBe(true));
  it.each([
    'http://git-scm.com/docs/gitignore',
    'https://git-scm.com/docs/gitignore/../../evil',
    'https://git-scm.com/docs/gitignorer',
    'https://git-scm.com.evil.example/docs/gitignore',
    'https://user:word@bford.info/cachedir/',
    'https://bford.info:8443/cachedir/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'not a link',
  ])('is refused: %s', (link) => expect(isAllowedLink(link)).toBe(false));
});

describe('start at login', () => {
  it('starts an AppImage from its file, never from its mount', () => {
    const options = { executable: '/tmp/.mount_x/cairn', appFolder: '/app', isPackaged: true };
    const environment = { APPIMAGE: '/home/a/Cairn.AppImage' };
    expect(autostartCommand({ ...options, environment })).toEqual(['/home/a/Cairn.AppImage', '--hidden']);
    expect(autostartCommand({ ...options, environment: {} })).toEqual(['/tmp/.mount_x/cairn', '--hidden']);
    expect(autostartCommand({ ...options, environment: {}, isPackaged: false })).toEqual([
      '/tmp/.mount_x/cairn',
      '/app',
      '--hidden',
    ]);
  });

  it('quotes twice, as the desktop entry specification wants it', () => {
    expect(quotedArgument('/opt/My Cairn')).toBe('"/opt/My Cairn"');
    expect(quotedArgument('a"b`c$d')).toBe(String.raw`"a\\"b\\` + '`' + String.raw`c\\$d"`);
    expect(quotedArgument('back\\slash')).toBe(String.raw`"back\\\\slash"`);
    expect(quotedArgument('100% done')).toBe('"100%% done"');
    expect(quotedArgument('two\nlines')).toBe(String.raw`"two\nlines"`);
  });

  it('writes one entry of one line for each key', () => {
    const entry = autostartEntry(['/bin/x\n[Evil]\nExec=rm', '--hidden']);
    expect(entry.split('\n')).toHaveLength(9);
    expect(entry).not.toMatch(/^\[Evil\]/m);
  });

  it('lies where the specification says, whatever the environment claims', () => {
    expect(autostartFile({}, '/home/a')).toBe('/home/a/.config/autostart/cairn.desktop');
    expect(autostartFile({ XDG_CONFIG_HOME: '/cfg' }, '/home/a')).toBe('/cfg/autostart/cairn.desktop');
    expect(autostartFile({ XDG_CONFIG_HOME: 'relative' }, '/home/a')).toBe('/home/a/.config/autostart/cairn.desktop');
  });

  it('passes desktop-file-validate where that is installed', ({ skip }) => {
    const entry = autostartEntry(['/opt/Cairn “x”/cairn', 'a b$c', '--hidden']);
    const found = spawnSync('desktop-file-validate', ['/dev/stdin'], { input: entry, encoding: 'utf8' });
    if (found.error) skip('desktop-file-validate is not installed');
    expect(found.stdout + found.stderr).toBe('');
  });
});

describe('the window', () => {
  const screens = [{ x: 0, y: 0, width: 1920, height: 1080 }];

  it('opens where it was, unless nobody could reach it there', () => {
    expect(windowPlace(undefined, screens)).toEqual({ width: 1280, height: 800 });
    const bounds = { x: 100, y: 50, width: 1000, height: 700 };
    expect(windowPlace(bounds, screens)).toEqual(bounds);
    expect(windowPlace({ ...bounds, x: 3000 }, screens)).toEqual({ width: 1000, height: 700 });
    expect(windowPlace({ ...bounds, y: -600 }, screens)).toEqual({ width: 1000, height: 700 });
    expect(windowPlace({ ...bounds, width: 10, height: 10 }, screens)).toMatchObject({ width: 900, height: 600 });
  });

  it('begins anew with a state that cannot be read', () => {
    const fresh = { isMaximized: false, theme: 'system', wasBackgroundExplained: false };
    expect(parseShellState('')).toEqual(fresh);
    expect(parseShellState('{"theme":"purple"}')).toEqual(fresh);
    expect(parseShellState('{"theme":"dark","bounds":{"x":1,"y":2,"width":3,"height":4}}')).toMatchObject({
      theme: 'dark',
      bounds: { width: 3 },
    });
  });

  it('is loaded again three times in a minute and no more', () => {
    let nowMs = 0;
    const limit = new RestartLimit(() => nowMs);
    expect([limit.allows(), limit.allows(), limit.allows(), limit.allows()]).toEqual([true, true, true, false]);
    nowMs = 60_000;
    expect(limit.allows()).toBe(true);
  });
});

describe('the tray', () => {
  it('says how things stand, and offers the window and the end', () => {
    const status = { state: 'working', text: 'Backing up Documents, 40 %' } as const;
    expect(trayTip(status)).toBe('Cairn: Backing up Documents, 40 %');
    expect(trayItems(status).filter((item) => item.kind !== 'line')).toEqual([
      { kind: 'text', label: 'Backing up Documents, 40 %' },
      { kind: 'action', label: 'Open Cairn', action: 'open' },
      { kind: 'action', label: 'Quit Cairn', action: 'quit' },
    ]);
  });

  it('has a picture of its own for each state that differs, of the size it was asked for', () => {
    const pictures = (['idle', 'working', 'paused', 'attention', 'problem'] as const).map((state) =>
      trayIcon(state, 22, false),
    );
    expect(new Set(pictures.map((picture) => picture.toString('base64'))).size).toBe(5);
    for (const picture of pictures) {
      expect(picture.readUInt32BE(16)).toBe(22);
      const length = picture.readUInt32BE(33);
      expect(inflateSync(picture.subarray(41, 41 + length))).toHaveLength(22 * (22 * 4 + 1));
    }
  });

  it('shows a pause by its shape, for a system that colours pictures itself', () => {
    expect(trayIcon('paused', 22, true)).not.toEqual(trayIcon('idle', 22, true));
  });

  it('is black where the system colours it', () => {
    const picture = trayIcon('problem', 16, true);
    const rows = inflateSync(picture.subarray(41, 41 + picture.readUInt32BE(33)));
    const isColour = (value: number, index: number): boolean =>
      index % 65 !== 0 && ((index % 65) - 1) % 4 !== 3 && value !== 0;
    expect([...rows].filter(isColour)).toEqual([]);
  });
});
