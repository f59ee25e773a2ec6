/**
 * Packs on their way to the store: a temporary file that grows segment by segment, and the footer it ends with.
 *
 * A pack is never resumed: an interrupted one is thrown away. Before it gets its name it was decoded from its final
 * bytes (pack/writer), its length was checked, it was fsynced, and its file was read again and hashed (store).
 */
import type { PackId } from '../../../src-shared/ids.ts';
import { FILE_TYPE, type FileType, OBJECT_TYPE, SALT_BYTES } from '../codec/index.ts';
import { fromHex, giveBack } from '../kernel/index.ts';
import { type PackBuilder, type PackFooter, type PendingSegment, createPackBuilder } from '../pack/index.ts';
import type { StoreWriter } from '../store/index.ts';
import type { RepositoryContext } from './context.ts';
import { FOLDERS, commitName, packName } from './names.ts';

export type UploadedPack = { readonly packId: PackId; readonly sizeBytes: number; readonly footer: PackFooter };

export function newPackBuilder(context: RepositoryContext, fileType: FileType): PackBuilder {
  return createPackBuilder({
    fileType,
    repositoryId: context.repositoryIdBytes,
    secrets: context.secrets,
    salt: context.ports.random.bytes(SALT_BYTES),
    blobHasher: context.blobHasher,
  });
}

/** A row of packs of one kind; each is finished when it has reached its size. */
export class PackUpload {
  readonly #context: RepositoryContext;
  readonly #fileType: FileType;
  readonly #packBytesTarget: number;
  readonly #finished: UploadedPack[] = [];
  #open: { readonly builder: PackBuilder; readonly writer: StoreWriter } | undefined;

  constructor(context: RepositoryContext, fileType: FileType, packBytesTarget: number) {
    this.#context = context;
    this.#fileType = fileType;
    this.#packBytesTarget = packBytesTarget;
  }

  get finished(): readonly UploadedPack[] {
    return this.#finished;
  }

  /** Adds a segment; its payload is gone afterwards. */
  async add(segment: PendingSegment): Promise<void> {
    if (this.#open !== undefined && !this.#open.builder.fits(segment)) await this.finish();
    const { builder, writer } = this.#open ?? (await this.#begin());
    const sealed = builder.addSegment(segment);
    giveBack(segment.payload);
    await writer.append(sealed);
    giveBack(sealed);
    if (builder.sizeBytes >= this.#packBytesTarget) await this.finish();
  }

  /** Publishes the pack begun, if there is one. */
  async finish(): Promise<void> {
    if (this.#open === undefined) return;
    const { builder, writer } = this.#open;
    const { packId, tail, sizeBytes, footer } = builder.finish();
    await writer.append(tail);
    await writer.finish(packName(packId), { hash: fromHex(packId) });
    this.#open = undefined;
    this.#finished.push({ packId, sizeBytes, footer });
  }

  async abort(): Promise<void> {
    await this.#open?.writer.abort();
    this.#open = undefined;
  }

  async #begin(): Promise<{ readonly builder: PackBuilder; readonly writer: StoreWriter }> {
    const builder = newPackBuilder(this.#context, this.#fileType);
    const writer = await this.#context.store.create(FOLDERS.packs);
    this.#open = { builder, writer };
    await writer.append(builder.header);
    return this.#open;
  }
}

/** Writes a whole small backup as one file: its segments, the snapshot and the footer. This is the commit. */
export async function writeCommitFile(
  context: RepositoryContext,
  segments: readonly PendingSegment[],
  snapshotEnvelope: Uint8Array,
): Promise<UploadedPack> {
  const builder = newPackBuilder(context, FILE_TYPE.commitFile);
  const parts = [
    builder.header,
    ...segments.map((segment) => builder.addSegment(segment)),
    builder.addObject(OBJECT_TYPE.snapshot, snapshotEnvelope),
  ];
  const { packId, tail, sizeBytes, footer } = builder.finish();
  const writer = await context.store.create(FOLDERS.commits);
  try {
    await writer.append(Buffer.concat([...parts, tail]));
    await writer.finish(commitName(packId), { hash: fromHex(packId) });
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return { packId, sizeBytes, footer };
}
