export type DirtyJournal = { note(note: unknown): void; mark(): () => void; readonly left: readonly Buffer[]; close(): Promise<void> };
export function openDirtyJournal(_: { file: string; ports: unknown }): DirtyJournal {
  return { note: () => undefined, mark: () => () => undefined, left: [], close: () => Promise.resolve() };
}
