// The waterfall's bars on a canvas: what colour and how high each kind is.
import type { Bar, WaterfallRow } from '../layout/waterfall.ts';
import type { Colours } from '../state/colours.svelte.ts';

/** In CSS pixels from the top of its row. */
const BODY = { y: 7, height: 11 };
const MOMENT = { y: 6, height: 13 };
const TAIL = { y: 10, height: 5 };
const DUE = { y: 5, height: 15, width: 1.5 };
const CROSS_Y = 8.5;
const CROSS_SIZE = 8;
const RADIUS = 1.5;

const LOOKS: Readonly<Record<Exclude<Bar['kind'], 'queued'>, { colour: keyof Colours; y: number; height: number }>> = {
  connect: { colour: 'open', ...MOMENT },
  reading: { colour: 'closeSoft', ...BODY },
  held: { colour: 'dataSoft', ...BODY },
  replied: { colour: 'data', ...MOMENT },
  closing: { colour: 'close', ...TAIL },
};

/** Draws `rows` one below the other; the canvas is as many device pixels wide and high as its place needs. */
export function drawWaterfall(
  canvas: HTMLCanvasElement,
  rows: readonly WaterfallRow[],
  { width, rowHeight }: { width: number; rowHeight: number },
  colours: Colours,
): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const ratio = devicePixelRatio;
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(rows.length * rowHeight * ratio)];
  if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
  if (canvas.height !== pixelHeight) canvas.height = pixelHeight;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, pixelWidth, pixelHeight);
  for (const [place, row] of rows.entries()) {
    context.setTransform(ratio, 0, 0, ratio, 0, place * rowHeight * ratio);
    for (const bar of row.bars) drawBar(context, bar, colours);
    if (row.dueX !== null) {
      context.fillStyle = colours.data;
      context.fillRect(row.dueX - DUE.width / 2, DUE.y, DUE.width, DUE.height);
    }
    if (row.failedX !== null) drawCross(context, row.failedX, colours.error);
  }
}

function drawBar(context: CanvasRenderingContext2D, { kind, x, width }: Bar, colours: Colours): void {
  context.beginPath();
  if (kind === 'queued') {
    // Half a pixel in: a line a pixel wide then fills one, not two by half.
    context.roundRect(x + 0.5, BODY.y + 0.5, Math.max(1, width - 1), BODY.height - 1, RADIUS);
    context.strokeStyle = colours.data;
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.stroke();
    context.setLineDash([]);
    return;
  }
  const { colour, y, height } = LOOKS[kind];
  context.roundRect(x, y, width, height, RADIUS);
  context.fillStyle = colours[colour];
  context.fill();
}

function drawCross(context: CanvasRenderingContext2D, x: number, colour: string): void {
  const [left, right, bottom] = [x - CROSS_SIZE / 2, x + CROSS_SIZE / 2, CROSS_Y + CROSS_SIZE];
  context.beginPath();
  context.moveTo(left, CROSS_Y);
  context.lineTo(right, bottom);
  context.moveTo(right, CROSS_Y);
  context.lineTo(left, bottom);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
}
