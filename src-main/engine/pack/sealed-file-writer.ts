/**
 * What packs and index runs share while being written: frames are sealed, read back, hashed into the file's name, and only
 * then handed to the caller, who appends them in order.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import {
  compress,
  createFileSealer,
  createHasher,
  decompress,
  encodeTrailer,
  FRAME_KIND,
  openFileHeader,
  type FileSecrets,
  type FileType,
  type FrameKind,
  type FrameToSeal,
  type OpenedFrame,
} from '../codec/index.ts';
import { concatBytes, equalBytes, giveBack, toHex } from '../kernel/index.ts';
import { METADATA_COMPRESSION } from './codes.ts';

export type SealedFileOptions = {
  readonly fileType: FileType;
  /** 16 bytes. */
  readonly repositoryId: Uint8Array;
  readonly secrets: FileSecrets;
  /** 32 fresh random bytes, never used for another file. */
  readonly salt: Uint8Array;
  /** Test only: what faulty memory does to a sealed frame before it is verified. */
  readonly faultAfterSeal?: (frame: Uint8Array) => void;
};

export type SealedFileWriter = {
  readonly header: Uint8Array;
  /** Bytes handed out so far, header included: the offset of the next frame. */
  readonly sizeBytes: number;
  /** Seals one frame; `verify` gets, for the time of the call, what a reader would get, and throws where that is wrong. */
  readonly seal: (frame: FrameToSeal, verify: (opened: OpenedFrame) => void) => Uint8Array;
  /** Compresses and seals metadata; it must read back to the same bytes. */
  readonly sealPlain: (kind: FrameKind, plain: Uint8Array) => Uint8Array;
  /** Footer frame and trailer in one piece, and the name: the hash of all bytes, as hex. */
  readonly end: (footerPlain: Uint8Array) => { readonly tail: Uint8Array; readonly name: string };
};

/** Bytes that did not survive being written and read back: faulty memory, or a defect of ours. */
export function refuse(what: string): never {
  throw new CairnError(
    'integrity/damaged',
    `${what} did not read back as it was written; nothing of it was published`,
    {
      hint: 'Existing backups are not affected. Test the memory of this computer, then run the backup again.',
    },
  );
}

export function createSealedFileWriter(options: SealedFileOptions): SealedFileWriter {
  const { fileType, repositoryId, secrets, faultAfterSeal } = options;
  const sealer = createFileSealer(options);
  const opener = openFileHeader(sealer.header, { fileTypes: [fileType], repositoryId, secrets });
  const nameHasher = createHasher();
  let sizeBytes = 0;

  const append = (bytes: Uint8Array): void => {
    nameHasher.update(bytes);
    sizeBytes += bytes.length;
  };
  append(sealer.header);

  const seal: SealedFileWriter['seal'] = (frame, verify) => {
    const counter = sealer.frameCount;
    const sealed = sealer.sealFrame(frame);
    faultAfterSeal?.(sealed);
    const opened = opener.openFrame(sealed, counter);
    verify(opened);
    if (opened.payload.buffer !== sealed.buffer) giveBack(opened.payload);
    append(sealed);
    return sealed;
  };
  const sealPlain: SealedFileWriter['sealPlain'] = (kind, plain) => {
    const { compression, bytes } = compress(METADATA_COMPRESSION, plain);
    return seal({ kind, compression, plainLength: plain.length, payload: bytes }, (opened) => {
      if (!equalBytes(decompress(opened.compression, opened.payload, opened.plainLength), plain)) refuse('a table');
    });
  };
  return {
    header: sealer.header,
    get sizeBytes() {
      return sizeBytes;
    },
    seal,
    sealPlain,
    end: (footerPlain) => {
      const footerOffset = sizeBytes;
      const frame = sealPlain(FRAME_KIND.footer, footerPlain);
      const trailer = encodeTrailer({ footerOffset, footerLength: frame.length, frameCount: sealer.frameCount });
      append(trailer);
      return { tail: concatBytes([frame, trailer]), name: toHex(nameHasher.digest()) };
    },
  };
}
