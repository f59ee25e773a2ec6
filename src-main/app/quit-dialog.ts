/** The question before a run is stopped. Closing the dialog means no. */
import { type BrowserWindow, dialog } from 'electron';

import type { QuitChoice, QuitQuestion } from './policy/quit.ts';

export async function askBeforeQuitting(
  window: BrowserWindow | undefined,
  question: QuitQuestion,
): Promise<QuitChoice> {
  const cancelId = question.choices.findIndex(({ choice }) => choice === 'cancel');
  const options: Electron.MessageBoxOptions = {
    type: 'question',
    message: question.message,
    detail: question.detail,
    buttons: question.choices.map(({ label }) => label),
    defaultId: 0,
    cancelId,
    noLink: true,
  };
  const answer = await (window === undefined ? dialog.showMessageBox(options) : dialog.showMessageBox(window, options));
  return question.choices[answer.response]?.choice ?? 'cancel';
}
