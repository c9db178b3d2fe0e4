// Gives a blob to the browser's own saving.

/** The URL is let go a moment later: a browser may begin to read only after the click. */
const KEEP_URL_MS = 10_000;

export function saveFile(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, KEEP_URL_MS);
}
