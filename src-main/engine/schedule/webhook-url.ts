/** What may be pinged after a run. */
import { CairnError } from '../../../src-shared/errors.ts';

const LENGTH_MAX = 2048;

/**
 * An address that a ping may go to: http or https, with no name or password in it (those would go into files and logs).
 * @throws CairnError usage/invalid
 */
export function checkWebhook(text: string): void {
  const hint = 'An address is like https://hc.example.org/ping/laptop.';
  const url = text.length <= LENGTH_MAX ? URL.parse(text) : null;
  // What is in it may be somebody's key: an error does not repeat it.
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new CairnError('usage/invalid', 'This is not an address of the web.', { hint });
  if (url.username !== '' || url.password !== '')
    throw new CairnError('usage/invalid', 'An address with a name or a password in it is not accepted.', { hint });
}
