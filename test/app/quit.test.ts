/** The one way out: who is asked, and that it ends once. */
import { describe, expect, it } from 'vitest';

import {
  type QuitChoice,
  QuitGuard,
  type QuitQuestion,
  type RunningActivities,
  quitQuestion,
} from '../../src-main/app/policy/quit.ts';

function makeGuard(activities: RunningActivities, answer: QuitChoice = 'cancel') {
  const did: string[] = [];
  const questions: QuitQuestion[] = [];
  const note = (what: string) => () => void did.push(what);
  const guard = new QuitGuard({
    askActivities: () => Promise.resolve(activities),
    ask: (question) => {
      questions.push(question);
      return Promise.resolve(answer);
    },
    hideWindow: note('hide'),
    stopEngine: async () => note('stop')(),
    exit: note('exit'),
  });
  return { guard, did, questions };
}

const RUN = [{ title: 'Backing up Documents' }];

describe('quitting', () => {
  it('asks nothing when nothing is at work, and stops the engine before it ends', async () => {
    const { guard, did, questions } = makeGuard([]);
    await guard.request('user');
    expect(questions).toEqual([]);
    expect(did).toEqual(['stop', 'exit']);
    expect(guard.isEnding).toBe(true);
  });

  it('names what is at work, with going on as the first choice', () => {
    expect(quitQuestion(RUN)).toMatchObject({
      message: 'Cairn is at work. Quit?',
      detail: expect.stringMatching(/^Backing up Documents\n/) as string,
      choices: [{ choice: 'keep-running' }, { choice: 'stop-and-quit' }, { choice: 'cancel' }],
    });
    const five = Array.from({ length: 5 }, (_, index) => ({ title: `Run ${index + 1}` }));
    expect(quitQuestion(five)?.detail).toContain('Run 3\nand 2 more');
  });

  it.each<[QuitChoice, string[]]>([
    ['cancel', []],
    ['keep-running', ['hide']],
    ['stop-and-quit', ['stop', 'exit']],
  ])('does what was chosen: %s', async (choice, expected) => {
    const { guard, did } = makeGuard(RUN, choice);
    await guard.request('user');
    expect(did).toEqual(expected);
  });

  it('asks when the engine does not answer', async () => {
    const { guard, questions } = makeGuard('unknown');
    await guard.request('user');
    expect(questions[0]?.message).toMatch(/does not answer/);
  });

  it('asks the user once however often quitting is asked for, and can be asked again after a no', async () => {
    const { guard, questions } = makeGuard(RUN);
    await Promise.all([guard.request('user'), guard.request('user')]);
    expect(questions).toHaveLength(1);
    await guard.request('user');
    expect(questions).toHaveLength(2);
  });

  it('asks nobody when the system goes down, even while a question is open', async () => {
    const { guard, did } = makeGuard(RUN);
    const asking = guard.request('user');
    await Promise.all([guard.request('system'), asking, guard.request('system')]);
    expect(did).toEqual(['stop', 'exit']);
  });

  it('ends even when the engine cannot be stopped', async () => {
    const did: string[] = [];
    const guard = new QuitGuard({
      askActivities: () => Promise.resolve([]),
      ask: () => Promise.resolve('cancel'),
      hideWindow: () => {},
      stopEngine: () => Promise.reject(new Error('stuck')),
      exit: () => did.push('exit'),
    });
    await expect(guard.request('user')).rejects.toThrow('stuck');
    expect(did).toEqual(['exit']);
  });
});
