import os from 'node:os';
import { describe, expect, test } from 'vitest';
import { redact } from '../../src-main/cli/diagnosis.ts';

describe('a diagnosis file', () => {
  test('says of two lines that they speak of one path, and not which', () => {
    const [one, other, third] = [
      '/home/ada/Letters/to-grace.txt',
      '/home/ada/Letters/to-grace.txt',
      '/home/ada/Taxes',
    ].map((path) => redact(`can’t read ${path}: permission denied`));
    expect(one).toBe(other);
    expect(one).not.toBe(third);
    expect(one).toMatch(/^can’t read <path [0-9a-f]{8}>: permission denied$/);
  });

  test('hides paths with spaces, Windows paths and the name of this computer', () => {
    const text = redact(String.raw`/home/ada/My Documents/secret plan.txt and C:\Users\ada\secret on ${os.hostname()}`);
    expect(text).not.toContain('secret plan');
    expect(text).not.toContain('Users');
    expect(text).not.toContain('My Documents');
    if (os.hostname().length >= 3) expect(text).not.toContain(os.hostname());
  });
});
