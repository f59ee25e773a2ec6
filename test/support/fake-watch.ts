/** Watched sources for a live set, of which a test says what they see. */
import type { Batch, DirtyNote, WatchSource, WatchState } from '../../src-main/engine/source/index.ts';

export type Following = {
  readonly deliver: (batch: Batch) => Promise<void>;
  readonly note: (note: DirtyNote) => void;
  readonly stateChanged: (state: WatchState) => void;
};

export const WATCHED: WatchState = { kind: 'watching', watcher: 'inotify', folders: 1 };

export class FakeWatch implements WatchSource {
  state: WatchState = { kind: 'starting' };
  pending: number | 'everything' = 0;
  readonly mountPoint = undefined;
  readonly follow: Following;

  constructor(follow: Following) {
    this.follow = follow;
  }

  isPresent = (): Promise<boolean> => Promise.resolve(this.state.kind !== 'gone');
  resumed = (): void => undefined;
  rulesChanged = (): void => undefined;
  close = (): Promise<void> => Promise.resolve();

  become(state: WatchState): void {
    this.state = state;
    this.follow.stateChanged(state);
  }

  /** It is watched from now on, so that everything has to be looked at when it came to rest. */
  begun(): void {
    this.become(WATCHED);
    this.pending = 'everything';
    this.follow.note({ kind: 'everything', reason: 'started' });
  }

  /** What waits came to rest. */
  handOver(batch: Batch = { kind: 'everything', reason: 'started', detail: '' }): Promise<void> {
    this.pending = 0;
    return this.follow.deliver(batch);
  }
}
