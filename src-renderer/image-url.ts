/** Gives an <img> the bytes of a preview as a blob, and takes the blob back when the image goes. */
import type { Attachment } from 'svelte/attachments';
import type { Preview } from '../src-shared/model/index.ts';

export function imageUrl(preview: Extract<Preview, { kind: 'image' }>): Attachment<HTMLImageElement> {
  return (image) => {
    const url = URL.createObjectURL(new Blob([new Uint8Array(preview.bytes)], { type: preview.mediaType }));
    image.src = url;
    return () => URL.revokeObjectURL(url);
  };
}
