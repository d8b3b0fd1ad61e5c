/** The player for browsers that cannot read a stream by script: an ordinary img. Same face as Player. */

import { Meter } from "./measure.js";
import { backoffS } from "./stream.js";
import { describe } from "./words.js";

export class PlainPlayer {
  constructor(root, canvas, listener) {
    this.urls = root.dataset;
    this.meter = new Meter();
    this.screen = { skipped: 0, broken: 0 };
    this.camera = null;
    this.phase = "paused";
    this.capturedMs = NaN;
    this._listener = listener;
    this._image = document.createElement("img");
    this._image.className = "screen";
    this._image.alt = canvas.getAttribute("aria-label");
    this._attempt = 0;
    this._timer = 0;
    this._retryAtMs = 0;
    this._image.addEventListener("load", () => this._loaded());
    this._image.addEventListener("error", () => this._failed());
    canvas.replaceWith(this._image);
  }

  /** The size of the picture, in the words of a canvas. */
  get canvas() {
    return { width: this._image.naturalWidth, height: this._image.naturalHeight };
  }

  start() {
    if (this.phase !== "paused") return;
    this._image.src = `${this.urls.plainFeed}&try=${this._attempt}`;
    this._enter("connecting");
  }

  stop() {
    clearInterval(this._timer);
    this._image.removeAttribute("src");
    this._enter("paused");
  }

  tryNow() {
    clearInterval(this._timer);
    this.phase = "paused";
    this.start();
  }

  set cameraState(camera) {
    this.camera = camera;
    this._enter(this.phase);
  }

  _loaded() {
    this._attempt = 0;
    if (this._image.naturalHeight) this._listener.onShape(this._image.naturalWidth / this._image.naturalHeight);
    this._enter("plain");
  }

  _failed() {
    if (this.phase === "paused") return;
    this._retryAtMs = performance.now() + backoffS(this._attempt) * 1000;
    this._attempt += 1;
    clearInterval(this._timer);
    this._timer = setInterval(() => (performance.now() >= this._retryAtMs ? this.tryNow() : this._enter("waiting")), 250);
    this._enter("waiting");
  }

  _enter(phase) {
    this.phase = phase;
    const facts = { phase, nowMs: performance.now(), shownMs: null, retryAtMs: this._retryAtMs, isFull: false };
    this._listener.onView(describe({ ...facts, trouble: "The server does not answer.", camera: this.camera }), this);
  }
}
