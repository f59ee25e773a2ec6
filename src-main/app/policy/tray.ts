/** What the tray says and offers, as data. The menu is short: whoever wants more opens the window. */
import type { HostStatus } from '../../engine-host/port.ts';

export type TrayAction = 'open' | 'quit';

export type TrayItem =
  | { readonly kind: 'text'; readonly label: string }
  | { readonly kind: 'action'; readonly label: string; readonly action: TrayAction }
  | { readonly kind: 'line' };

/** Before the engine has said anything. */
export const STARTING: HostStatus = { state: 'idle', text: 'Starting…' };
export const ENGINE_STOPPED: HostStatus = { state: 'problem', text: 'The engine stopped and is being started again' };

export const trayTip = (status: HostStatus): string => `Cairn: ${status.text}`;

export function trayItems(status: HostStatus): readonly TrayItem[] {
  return [
    { kind: 'text', label: status.text },
    { kind: 'line' },
    { kind: 'action', label: 'Open Cairn', action: 'open' },
    { kind: 'line' },
    { kind: 'action', label: 'Quit Cairn', action: 'quit' },
  ];
}
