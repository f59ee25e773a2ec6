/** Puts text on the clipboard. False where the system does not let the window: then the person selects it instead. */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (window.cairn === undefined) await navigator.clipboard.writeText(text);
    else await window.cairn.copyText(text);
    return true;
  } catch {
    return false;
  }
}
