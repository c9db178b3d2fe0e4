// The reference beside our page: in the same browser, on the same feed, a page that shows the newest event's number and does nothing else.

/** Runs in a page of the bridge's origin, in place of what stood there, and uses nothing from outside itself. The probe finds its number where it finds our lines. */
export function showNewest(): void {
  document.body.innerHTML = '<section aria-label="Trace"><p role="option"></p></section>';
  const line = document.querySelector('p');
  let newest = 0;
  let frame = 0;
  const feed = new WebSocket(`${location.origin.replace('http', 'ws')}/ws?records=1`);
  feed.binaryType = 'arraybuffer';
  feed.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
    if (typeof data === 'string') return;
    // As server/wire/record-frame.ts says: the numbers stand behind the records, and before what kind of frame it is.
    newest = new Float64Array(data).at(-2) ?? newest;
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (line === null) return;
      line.id = `line-${newest}`;
      line.textContent = String(newest);
    });
  });
}
