/**
 * The one kind of property list that is read here: a dictionary of texts, numbers and truths at the top level, as
 * `diskutil info -plist` prints it. What lies deeper is passed over.
 */

const TEXT_CHARACTERS_MAX = 256 * 1024;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Key → text (of numbers too) or truth; what can't be understood is left out. */
export function readPlist(text: string): ReadonlyMap<string, string | boolean> {
  const facts = new Map<string, string | boolean>();
  let depth = 0;
  let key: string | undefined;
  const tokens = /<(key|string|integer|real)>([^<]*)<\/\1>|<(true|false|string|array|dict)\/>|<(\/?)(dict|array)>/g;
  for (const [, kind, content = '', empty, slash, folder] of text.slice(0, TEXT_CHARACTERS_MAX).matchAll(tokens)) {
    if (folder !== undefined) {
      depth += slash === '' ? 1 : -1;
      key = undefined;
    } else if (depth !== 1) continue;
    else if (kind === 'key') key = plain(content);
    else {
      if (key !== undefined && kind !== undefined) facts.set(key, plain(content));
      else if (key !== undefined && (empty === 'true' || empty === 'false')) facts.set(key, empty === 'true');
      key = undefined;
    }
  }
  return facts;
}

function plain(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '');
}
