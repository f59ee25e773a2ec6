/**
 * The one way out. Whatever asks for the end (menu, tray, signal, the system going down) comes here, and the app ends
 * only from here, so that no run is cut off without a word and the engine always gets to close what it holds.
 */
import type { Activity } from '../../engine-host/port.ts';

export type QuitReason = 'user' | 'system';
export type QuitChoice = 'keep-running' | 'stop-and-quit' | 'cancel';

export type QuitQuestion = {
  readonly message: string;
  readonly detail: string;
  /** In the order of the buttons; the first is the default. */
  readonly choices: readonly { readonly choice: QuitChoice; readonly label: string }[];
};

/** `unknown`: the engine is there and does not say. */
export type RunningActivities = readonly Activity[] | 'unknown';

export type QuitPorts = {
  readonly askActivities: () => Promise<RunningActivities>;
  readonly ask: (question: QuitQuestion) => Promise<QuitChoice>;
  readonly hideWindow: () => void;
  readonly stopEngine: () => Promise<void>;
  /** Does not ask anyone again. */
  readonly exit: () => void;
};

/** Titles in the question; more would not be read. */
const TITLES_MAX = 3;

export function quitQuestion(activities: RunningActivities): QuitQuestion | undefined {
  const choices = [
    { choice: 'keep-running', label: 'Keep running in the background' },
    { choice: 'stop-and-quit', label: 'Stop and quit' },
    { choice: 'cancel', label: 'Cancel' },
  ] as const;
  if (activities === 'unknown') {
    return {
      message: 'Cairn’s engine does not answer. Quit all the same?',
      detail: 'What was backed up before is safe. A run that is at work is stopped and goes on from there next time.',
      choices,
    };
  }
  if (activities.length === 0) return undefined;
  const titles = activities.slice(0, TITLES_MAX).map((activity) => activity.title);
  const more = activities.length - titles.length;
  return {
    message:
      activities.length === 1 ? 'Cairn is at work. Quit?' : `Cairn is at work on ${activities.length} things. Quit?`,
    detail: [
      [...titles, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'),
      'If you stop now, what is done so far is kept, and the rest is done next time.',
    ].join('\n\n'),
    choices,
  };
}

export class QuitGuard {
  readonly #ports: QuitPorts;
  #isAsking = false;
  #isEnding = false;

  constructor(ports: QuitPorts) {
    this.#ports = ports;
  }

  /** True once the end is certain. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  async request(reason: QuitReason): Promise<void> {
    if (this.#isEnding || (this.#isAsking && reason === 'user')) return;
    if (reason === 'user' && !(await this.#isWanted())) return;
    await this.#end();
  }

  async #isWanted(): Promise<boolean> {
    this.#isAsking = true;
    try {
      const question = quitQuestion(await this.#ports.askActivities());
      const choice = question === undefined ? 'stop-and-quit' : await this.#ports.ask(question);
      if (choice === 'keep-running') this.#ports.hideWindow();
      return choice === 'stop-and-quit';
    } finally {
      this.#isAsking = false;
    }
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    try {
      await this.#ports.stopEngine();
    } finally {
      this.#ports.exit();
    }
  }
}
