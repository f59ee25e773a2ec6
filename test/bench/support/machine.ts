/** Where a table was measured. Figures of two machines, or of a quiet and a busy one, are never compared. */
import os from 'node:os';

/** Two cores at a load above this are not ours alone: a figure may be off by a factor, not by a few percent. */
const BUSY_LOAD_PER_CORE = 0.5;

export type Machine = {
  readonly date: string;
  /** Date, processors, memory, Node and system, as one line. */
  readonly text: string;
  readonly load: number;
  readonly isBusy: boolean;
};

export function describeMachine(): Machine {
  const cpus = os.cpus();
  const memoryGb = (os.totalmem() / 1e9).toFixed(0);
  const [load = 0] = os.loadavg();
  // The host's clock says the date; nothing is asked of the network.
  const date = new Date().toISOString().slice(0, 10);
  const text = `${date} · ${cpus.length} × ${cpus[0]?.model ?? 'unknown CPU'} · ${memoryGb} GB · Node ${process.version} · ${os.platform()} ${os.release()}`;
  return { date, text, load, isBusy: load > cpus.length * BUSY_LOAD_PER_CORE };
}

const BUSY = 'THIS MACHINE IS BUSY: the figures are provisional. Ratios of one run say more than times do.';

/** As it stands above a table. */
export function machineText({ text, load, isBusy }: Machine): string {
  return `${text}; load at the start ${load.toFixed(1)}.${isBusy ? `\n${BUSY}` : ''}`;
}
