/**
 * What FORMAT.md is compared with: every byte table, numeric code and limit of the code. Layout files are taken whole,
 * so a constant that is added there has to appear in the page.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CIPHER, FILE_TYPE, type LayoutField } from '../../src-main/engine/codec/index.ts';
import { DICTIONARY_BYTES_MAX } from '../../src-main/engine/codec/compress.ts';
import * as envelopeLayout from '../../src-main/engine/codec/envelope-layout.ts';
import { BLOB_TYPE } from '../../src-main/engine/codec/hash.ts';
import * as sealLayout from '../../src-main/engine/codec/seal-layout.ts';
import * as valueFormat from '../../src-main/engine/codec/value-format.ts';
import * as entry from '../../src-main/engine/merkle/entry.ts';
import { ENTRY_FIELD } from '../../src-main/engine/merkle/entry-codec.ts';
import { CANONICAL_NAME_BYTES_MAX } from '../../src-main/engine/merkle/name.ts';
import { SOURCES_MAX } from '../../src-main/engine/merkle/node.ts';
import { PAGE_BYTES_MAX, PAGE_HEADER_FIELDS, PAGE_KIND } from '../../src-main/engine/merkle/page.ts';
import { PAGE_SPLIT } from '../../src-main/engine/merkle/page-builder.ts';
import { GROUP_CHILDREN_MAX } from '../../src-main/engine/merkle/preimage.ts';
import { ENTRY_PROOF_BYTES_MAX, ENTRY_PROOF_STEPS_MAX } from '../../src-main/engine/merkle/proof-codec.ts';
import { SET_BITS } from '../../src-main/engine/merkle/set.ts';
import * as packLayout from '../../src-main/engine/pack/layout.ts';
import { CHAIN_INCREMENTALS_MAX } from '../../src-main/engine/repository/init.ts';
import { KEY_SLOTS_MAX } from '../../src-main/engine/repository/key-slots.ts';
import { HEARTBEAT_MS, LEASE_MS } from '../../src-main/engine/repository/leases.ts';
import { COMMIT_FILE_BYTES_MAX, COMMIT_FILES_MAX, INDEX_RUNS_MAX } from '../../src-main/engine/repository/limits.ts';
import { RESERVE_BYTES } from '../../src-main/engine/repository/reserve.ts';
import {
  EVENT_KINDS,
  EVENT_SUBJECTS_MAX,
  FRONTIER_MAX,
  DATE_MS_MAX,
  NOTE_LENGTH_MAX,
  PROBLEM_LIST_BYTES_MAX,
  PROBLEM_TEXT_LENGTH_MAX,
  PROBLEMS_INLINE_MAX,
} from '../../src-main/engine/snapshot/index.ts';
import { NAME_LENGTH_MAX } from '../../src-main/engine/store/names.ts';
import { ENGINE } from './page.ts';

/** Offsets from sizes, for tables whose fields the code writes one by one; the examples hold those bytes. */
function laidOut(
  ...fields: readonly (readonly [type: LayoutField['type'], name: string, size: number])[]
): LayoutField[] {
  let offset = 0;
  return fields.map(([type, name, size]) => {
    offset += size;
    return { offset: offset - size, size, type, name };
  });
}

export const LAYOUTS: Readonly<Record<string, readonly LayoutField[]>> = {
  FileHeader: sealLayout.FILE_HEADER_FIELDS,
  FrameHeader: sealLayout.FRAME_HEADER_FIELDS,
  Trailer: sealLayout.TRAILER_FIELDS,
  Envelope: envelopeLayout.ENVELOPE_FIELDS,
  EnvelopeComponent: laidOut(['u16', 'componentId', 2], ['u16', 'version', 2]),
  FooterHead: packLayout.FOOTER_HEAD_FIELDS,
  FooterFrame: packLayout.FOOTER_FRAME_FIELDS,
  FooterBase: packLayout.FOOTER_BASE_COLUMN,
  FooterBlob: packLayout.FOOTER_BLOB_COLUMNS,
  PackTable: packLayout.PACK_TABLE_FIELDS,
  IndexPageHead: packLayout.INDEX_PAGE_HEAD_FIELDS,
  IndexPage: packLayout.INDEX_PAGE_COLUMNS,
  RunFooterHead: packLayout.RUN_FOOTER_HEAD_FIELDS,
  RunFooterFrame: packLayout.RUN_FOOTER_FRAME_FIELDS,
  RunFooterPage: packLayout.RUN_FOOTER_PAGE_FIELDS,
  PageHeader: PAGE_HEADER_FIELDS,
  SlotContext: laidOut(
    ['bytes', 'repositoryId', 16],
    ['u8', 'slotType', 1],
    ['u8', 'kdf', 1],
    ['u32', 'N', 4],
    ['u32', 'r', 4],
    ['u32', 'p', 4],
    ['bytes', 'salt', 32],
  ),
};

/** A constant that its file keeps to itself, read from the source. */
function sourceOf(file: string, constant: string): string {
  const found = new RegExp(`const ${constant} = (.*?)(?: as const)?;`).exec(
    readFileSync(path.join(ENGINE, file), 'utf8'),
  )?.[1];
  if (found === undefined) throw new Error(`${file} has no ${constant}`);
  return found;
}

const codesIn = (file: string, constant: string): Record<string, number> =>
  Object.fromEntries(
    [...sourceOf(file, constant).matchAll(/(\w+): (\d+)/g)].map(([, name = '', code]) => [name, Number(code)]),
  );

/** A number, product or power, as the sources write them. */
function numberFrom(file: string, constant: string): number {
  const expression = sourceOf(file, constant).replaceAll('_', '');
  const [, base, exponent] = /^(\d+) \*\* (\d+)$/.exec(expression) ?? [];
  if (base !== undefined) return Number(base) ** Number(exponent);
  if (!/^\d+(?: \* \d+)*$/.test(expression)) throw new Error(`${constant} is “${expression}”, not a plain number`);
  return expression.split(' * ').reduce((product, factor) => product * Number(factor), 1);
}

export const CODES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  FILE_TYPE,
  CIPHER,
  FRAME_KIND: sealLayout.FRAME_KIND,
  COMPRESSION: sealLayout.COMPRESSION,
  OBJECT_TYPE: envelopeLayout.OBJECT_TYPE,
  ENVELOPE_FORMAT: envelopeLayout.ENVELOPE_FORMAT,
  BLOB_TYPE,
  PAGE_KIND,
  NODE_TYPE: entry.NODE_TYPE_NUMBER,
  ENTRY_FIELD,
  FILE_FLAG: entry.FILE_FLAG,
  EVENT_KIND: Object.fromEntries(EVENT_KINDS.map((kind, index) => [kind, index + 1])),
  SLOT_TYPE: codesIn('codec/keys.ts', 'SLOT_TYPE_CODE'),
  KDF: codesIn('codec/keys.ts', 'KDF_CODE'),
};

/** Exported numbers of the layout files that are no limits: sizes of structures and versions, held by layouts and examples. */
const NOT_LIMITS =
  /^(FILE_HEADER|FRAME_HEADER|TRAILER|TAG|NONCE|SALT|COMMITMENT|REPOSITORY_ID|FRAME_OVERHEAD|ENVELOPE_FIXED|ENVELOPE_COMPONENT|FOOTER_HEAD|FOOTER_FRAME|FOOTER_BLOB|INDEX_PAGE_HEAD|INDEX_ENTRY|PACK_TABLE_RECORD|RUN_FOOTER_HEAD|RUN_FOOTER_PAGE)_BYTES$|_VERSION$|^ENTRY_FLAG_DELTA$|^ENVELOPE_CHECKSUM_OFFSET$|^U32_MAX$/;

function limitsIn(module: object): Record<string, number> {
  const numbers = Object.entries(module).filter((pair): pair is [string, number] => typeof pair[1] === 'number');
  return Object.fromEntries(numbers.filter(([name]) => !NOT_LIMITS.test(name)));
}

function privateLimits(file: string, ...constants: readonly string[]): Record<string, number> {
  return Object.fromEntries(constants.map((constant) => [constant, numberFrom(file, constant)]));
}

export const LIMITS: Readonly<Record<string, number>> = {
  ...limitsIn(sealLayout),
  ...limitsIn(envelopeLayout),
  ...limitsIn(valueFormat),
  ...limitsIn(packLayout),
  ...limitsIn(entry),
  DICTIONARY_BYTES_MAX,
  PAGE_BYTES_MAX,
  'PAGE_SPLIT.bytesMin': PAGE_SPLIT.bytesMin,
  'PAGE_SPLIT.bytesMax': PAGE_SPLIT.bytesMax,
  'PAGE_SPLIT.maskEntries': PAGE_SPLIT.maskEntries,
  'PAGE_SPLIT.maskOthers': PAGE_SPLIT.maskOthers,
  CANONICAL_NAME_BYTES_MAX,
  GROUP_CHILDREN_MAX,
  SOURCES_MAX,
  SET_BITS,
  ENTRY_PROOF_BYTES_MAX,
  ENTRY_PROOF_STEPS_MAX,
  DATE_MS_MAX,
  PROBLEMS_INLINE_MAX,
  FRONTIER_MAX,
  EVENT_SUBJECTS_MAX,
  KEY_SLOTS_MAX,
  ...privateLimits('codec/keys.ts', 'KDF_MEMORY_BYTES_MAX', 'KDF_WORK_MAX'),
  ...privateLimits('kernel/record-reader.ts', 'TEXT_LENGTH_MAX', 'LIST_LENGTH_MAX'),
  ...privateLimits('repository/snapshot-objects.ts', 'SNAPSHOT_FILE_BYTES_MAX'),
  ...privateLimits('repository/open.ts', 'CONFIG_BYTES_MAX'),
  ...privateLimits('repository/identity.ts', 'INSTANCE_BYTES_MAX'),
  ...privateLimits('repository/key-slots.ts', 'KEY_SLOT_BYTES_MAX'),
  ...privateLimits('repository/condemned.ts', 'CONDEMNATIONS_MAX'),
  ...privateLimits('repository/stored-sets.ts', 'STORED_SETS_MAX', 'STORED_SET_BYTES_MAX'),
  ...privateLimits('repository/reserve.ts', 'RESERVE_BYTES_MAX'),
  ...privateLimits('verify/trees.ts', 'DEPTH_MAX'),
  PROBLEM_TEXT_LENGTH_MAX,
  PROBLEM_LIST_BYTES_MAX,
  NOTE_LENGTH_MAX,
  COMMIT_FILE_BYTES_MAX,
  COMMIT_FILES_MAX,
  INDEX_RUNS_MAX,
  CHAIN_INCREMENTALS_MAX,
  RESERVE_BYTES,
  HEARTBEAT_MS,
  LEASE_MS,
  NAME_LENGTH_MAX,
};

/** Tables of the layout files that LAYOUTS forgets. */
export function forgottenLayouts(): string[] {
  const known = new Set<unknown>(Object.values(LAYOUTS));
  const all = [sealLayout, envelopeLayout, packLayout].flatMap((module) => Object.entries(module));
  return all.filter(([, value]) => Array.isArray(value) && !known.has(value)).map(([name]) => name);
}
