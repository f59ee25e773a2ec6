/** The agent without a window: sets run by themselves, and nothing listens. */
import type { EngineHost } from './port.ts';
import { type OpenService, type ServiceOptions, openService } from './service.ts';

/** @throws CairnError app/busy where another Cairn serves this home, engine/local-state, repository/newer-format */
export function startWatching(options: Omit<ServiceOptions, 'host' | 'confined'>): Promise<OpenService> {
  const host: EngineHost = {
    abilities: { host: 'headless', keychain: 'none', tray: false },
    secrets: undefined,
    onPower: () => undefined,
    showStatus: () => undefined,
    notify: ({ title, body }) => options.log('warn', 'a notice for the person', { title, body }),
  };
  return openService({ ...options, host, confined: false });
}
