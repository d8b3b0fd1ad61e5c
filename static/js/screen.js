/** The canvas: decodes JPEGs, newest wins, and draws them. At most one decode is under way. */

export const isScreenPossible = typeof createImageBitmap === "function" && typeof ReadableStream === "function";

export class Screen {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(part: Part) => void} onShown called right after a picture was drawn
   */
  constructor(canvas, onShown) {
    this.skipped = 0;
    this.broken = 0;
    this._canvas = canvas;
    this._context = canvas.getContext("2d", { alpha: false });
    this._onShown = onShown;
    this._next = null;
    this._isBusy = false;
  }

  get ratio() {
    return this._canvas.width / this._canvas.height;
  }

  /** Show a part as soon as the decoder is free, unless a newer one comes before that. */
  offer(part) {
    if (this._next !== null) this.skipped += 1;
    this._next = part;
    if (!this._isBusy) this._work();
  }

  /** Forget what waits to be decoded. */
  clear() {
    this._next = null;
  }

  async _work() {
    this._isBusy = true;
    while (this._next !== null) {
      const part = this._next;
      this._next = null;
      await this._show(part);
    }
    this._isBusy = false;
  }

  async _show(part) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(new Blob(part.chunks, { type: "image/jpeg" }));
    } catch {
      this.broken += 1; // a torn picture: the one before stays, the next is 33 ms away
      return;
    }
    this._draw(bitmap);
    bitmap.close();
    this._onShown(part);
  }

  _draw(bitmap) {
    const canvas = this._canvas;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    this._context.drawImage(bitmap, 0, 0);
  }
}
