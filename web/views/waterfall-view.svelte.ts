// The stretch of time that the waterfall shows: fitted to the rows on show, or as the reader zoomed and moved it.
import { panned, zoomed, type TimeWindow } from '../layout/time-scale.ts';
import type { WaterfallWindow } from '../layout/waterfall.ts';

const ZOOM_STEP = 1.6;
const PAN_STEP = 0.2;

export class WaterfallView {
  readonly #fitting: () => WaterfallWindow;
  /** Null: the window fits the rows on show, and goes on with time. */
  #chosen = $state.raw<WaterfallWindow | null>(null);

  constructor(fitting: () => WaterfallWindow) {
    this.#fitting = fitting;
  }

  get fits(): boolean {
    return this.#chosen === null;
  }

  get window(): WaterfallWindow {
    return this.#chosen ?? this.#fitting();
  }

  fit(): void {
    this.#chosen = null;
  }

  look(next: TimeWindow): void {
    this.#chosen = { ...next, zeroNs: this.window.zeroNs };
  }

  zoom(factor: number, aroundNs = (this.window.fromNs + this.window.toNs) / 2): void {
    this.look(zoomed(this.window, factor, aroundNs));
  }

  zoomIn(): void {
    this.zoom(ZOOM_STEP);
  }

  zoomOut(): void {
    this.zoom(1 / ZOOM_STEP);
  }

  /** By a share of what is on show: positive goes on in time. */
  pan(share: number): void {
    this.look(panned(this.window, share));
  }

  /** True where `key` is one of its own. */
  takesKey(key: string): boolean {
    switch (key) {
      case '+':
      case '=':
        this.zoomIn();
        return true;
      case '-':
        this.zoomOut();
        return true;
      case '0':
        this.fit();
        return true;
      case 'ArrowLeft':
      case 'ArrowRight':
        this.pan(key === 'ArrowLeft' ? -PAN_STEP : PAN_STEP);
        return true;
      default:
        return false;
    }
  }
}
