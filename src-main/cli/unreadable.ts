/**
 * Stored folders that a listing or a search could not read. The rest was found and shown; here is said that it was not
 * all, on standard error and with exit status 13. Standard output stays what was asked for: with --json a plain array.
 */
import { displayPath } from '../../src-shared/format/index.ts';
import type { UnreadableFolder } from '../../src-shared/model/index.ts';
import { EXIT, type Host } from './host.ts';
import { LISTED_MAX } from './output-report.ts';
import { countOf, shortId } from './output-style.ts';

export class UnreadableFolders {
  readonly #host: Pick<Host, 'log' | 'output'>;
  readonly #shown = new Map<string, string>();
  #more = 0;

  constructor(host: Pick<Host, 'log' | 'output'>) {
    this.#host = host;
  }

  /** To be handed to the engine. A folder has several pages, and is shown once. */
  readonly note = (folder: UnreadableFolder): void => {
    const { path, snapshot, code, message } = folder;
    this.#host.log.write('warn', 'a stored folder can’t be read', { path, snapshot, code, reason: message });
    const key = `${snapshot}:${path}`;
    if (this.#shown.has(key)) return;
    if (this.#shown.size >= LISTED_MAX) {
      this.#more++;
      return;
    }
    const name = path === '' ? 'the top folder' : displayPath(path);
    this.#shown.set(key, `  ${name} (snapshot ${shortId(snapshot)}): ${displayPath(message)}\n`);
  };

  get isEmpty(): boolean {
    return this.#shown.size === 0;
  }

  /** Says what was met, --quiet or not, and gives the exit status of the command. */
  async tell(): Promise<number> {
    if (this.isEmpty) return EXIT.done;
    const { output } = this.#host;
    const count = countOf(this.#shown.size + this.#more, 'stored folder', 'stored folders');
    const more = this.#more === 0 ? '' : `  … and ${countOf(this.#more, 'more', 'more')} (the log has all)\n`;
    await output.important(
      `${output.errorStyle.red('cairn:')} ${count} can’t be read, and what is missing of them is not shown:\n` +
        `${[...this.#shown.values()].join('')}${more}` +
        '  → Run “cairn verify --deep” to see what is affected. Everything else stays readable.\n',
    );
    return EXIT.damage;
  }
}
