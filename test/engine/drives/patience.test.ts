/** Places that never answer. */
import { describe, expect, it } from 'vitest';
import { Patience } from '../../../src-main/engine/drives/patience.ts';

describe('patience', () => {
  it('has an end, and asks a place that hangs once only', async () => {
    const patience = new Patience<string>(5, 'no answer');
    let asked = 0;
    let answer: (text: string) => void = () => undefined;
    const hang = (): Promise<string> => {
      asked++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    expect(await Promise.all([patience.ask('a', hang), patience.ask('a', hang)])).toEqual(['no answer', 'no answer']);
    expect(await patience.ask('a', hang)).toBe('no answer');
    expect(asked).toBe(1);
    expect(await patience.ask('b', () => Promise.resolve('here'))).toBe('here');
    answer('late');
    expect(await patience.ask('a', () => Promise.resolve('again'))).toBe('late');
    expect(await patience.ask('a', () => Promise.resolve('again'))).toBe('again');
  });

  it('gives a failure to whoever still waits, and asks anew after it', async () => {
    const patience = new Patience<string>(1000, 'no answer');
    await expect(patience.ask('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await patience.ask('a', () => Promise.resolve('well'))).toBe('well');
  });
});
