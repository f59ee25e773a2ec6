/**
 * What structured clone carries, as text: the line between this process and the page (Chromium's debugging protocol)
 * carries strings only. The function is written into the page too, so it may use nothing from outside itself.
 */

export type Codec = { readonly encode: (value: unknown) => string; readonly decode: (text: string) => unknown };

export function createCodec(): Codec {
  type Tagged = { readonly $: string; readonly v: unknown };

  const toBase64 = (bytes: Uint8Array): string => {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  };
  const fromBase64 = (text: unknown): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(atob(String(text)), (character) => character.charCodeAt(0));
  const tag = ($: string, v: unknown): Tagged => ({ $, v });

  const pack = (value: unknown): unknown => {
    if (value === undefined) return tag('undefined', null);
    if (typeof value === 'bigint') return tag('bigint', String(value));
    if (typeof value === 'number' && !Number.isFinite(value)) return tag('number', String(value));
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(pack);
    if (value instanceof Date) return tag('date', value.getTime());
    if (value instanceof Map) return tag('map', [...value].map(pack));
    if (value instanceof Set) return tag('set', [...value].map(pack));
    if (value instanceof Error) return tag('error', { name: value.name, message: value.message });
    if (value instanceof ArrayBuffer) return tag('buffer', toBase64(new Uint8Array(value)));
    if (ArrayBuffer.isView(value)) {
      return tag('bytes', toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)));
    }
    return tag('object', Object.fromEntries(Object.entries(value).map(([key, part]) => [key, pack(part)])));
  };

  const isTagged = (value: object): value is Tagged => '$' in value && 'v' in value;
  const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value.map(unpack) : []);
  const entriesOf = (value: unknown): [string, unknown][] => Object.entries(Object(value) as object);

  const unpackTagged = ({ $, v }: Tagged): unknown => {
    switch ($) {
      case 'undefined':
        return undefined;
      case 'bigint':
        return BigInt(String(v));
      case 'number':
        return Number(v);
      case 'date':
        return new Date(Number(v));
      case 'map':
        return new Map(listOf(v) as [unknown, unknown][]);
      case 'set':
        return new Set(listOf(v));
      case 'error':
        return Object.assign(new Error(), Object.fromEntries(entriesOf(v)));
      case 'buffer':
        return fromBase64(v).buffer;
      case 'bytes':
        return fromBase64(v);
      default:
        return Object.fromEntries(entriesOf(v).map(([key, part]) => [key, unpack(part)]));
    }
  };
  const unpack = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(unpack);
    return isTagged(value) ? unpackTagged(value) : value;
  };

  return { encode: (value) => JSON.stringify(pack(value)), decode: (text) => unpack(JSON.parse(text)) };
}
