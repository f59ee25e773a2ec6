/** What commands that stay have in common: they unlock what they can, wait for a signal, and say what it interrupts. */
import { isCairnError } from '../../src-shared/errors.ts';
import type { OpenService } from '../engine-host/service.ts';
import type { Host } from './host.ts';
import type { secretSource } from './secret.ts';

/** With a password given by file or environment, whatever it opens is open before anyone asks. */
export async function unlockAll(
  host: Host,
  source: ReturnType<typeof secretSource>,
  { desk }: OpenService,
): Promise<void> {
  if (source.isTyped) return source.close();
  const secret = await source.read();
  await desk.look();
  for (const { destinationId, state, name } of (await desk.overview.get()).destinations) {
    if (state !== 'locked') continue;
    try {
      await desk.destinations.unlock(destinationId, secret, false);
    } catch (error) {
      if (!isCairnError(error)) throw error;
      await host.output.warn(`“${name}” stays locked: ${error.message}`);
    }
  }
}

export function untilStopping(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What runs comes to a clean end: what is finished stays, and the next backup goes on from there. */
export async function sayWhatEnds(host: Host, service: OpenService): Promise<void> {
  const titles = service.activities().map(({ title }) => title);
  if (titles.length === 0) return;
  await host.output.note(
    `${titles.join(', ')}: stopping at a safe point. What is finished is safe. Press Ctrl-C again to end at once.`,
  );
}
