/** What is read before a key is known, and folders full of what does not belong there. */
import { KEYS } from './groups/keys.ts';
import { runGroup } from './runner.ts';

runGroup(KEYS);
