/**
 * The vocabulary of layout tables: every fixed structure on disk is described by one table of fields, which the code
 * asserts against its size and a test compares with FORMAT.md, so that prose and bytes can't drift apart.
 */
import { assert } from '../../../src-shared/assert.ts';

/** `bytes` fields have any size; integers are little-endian and have the size of their type. */
export type FieldType = 'bytes' | 'u8' | 'u16' | 'u32' | 'u64';

export type LayoutField = {
  readonly offset: number;
  readonly size: number;
  readonly type: FieldType;
  readonly name: string;
};

const INTEGER_BYTES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;

/** Asserts that the fields follow each other without a gap, and that they end at `sizeBytes`. */
export function assertLayout(what: string, fields: readonly LayoutField[], sizeBytes: number): void {
  let at = 0;
  for (const field of fields) {
    assert(field.offset === at, `${what}.${field.name} stands at ${field.offset}, the fields before it end at ${at}`);
    if (field.type !== 'bytes') {
      assert(field.size === INTEGER_BYTES[field.type], `${what}.${field.name} has the wrong size for ${field.type}`);
    }
    at += field.size;
  }
  assert(at === sizeBytes, `${what} has ${at} bytes, ${sizeBytes} are promised`);
}
