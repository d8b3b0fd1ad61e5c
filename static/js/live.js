/**
 * The player: keeps one connection for pictures open while the page is seen, and tells what it knows.
 *
 * `start` and `stop` may be called again and again. A session is everything between the two; it owns one
 * AbortController, so that nothing of an old session can touch a new one. Numbers are handed out
 * twice a second through `onView`.
 */

import { Meter, ServerClock, probe } from "./measure.js";
import { FORMS, Quality } from "./quality.js";
import { Screen } from "./screen.js";
import { backoffS, lost, readStream } from "./stream.js";
import { describe } from "./words.js";

const TICK_MS = 500;
const STALE_MS = 2000;
const STALE_PLACEHOLDER_MS = 3500; // the server sends one a second
const STALE_SNAPSHOT_MS = 4000;
const SILENT_CONNECTION_MS = 10000;
const CLOCK_EVERY_MS = 120000;
const CLOCK_PROBES = 3;
const STEADY_MS = 5000;

export class Player {
  /**
   * @param {HTMLElement} root carries data-feed, data-plain-feed, data-snapshot, data-clock
   * @param {HTMLCanvasElement} canvas
   * @param {{onView: (view: View, player: Player) => void, onShape: (ratio: number) => void}} listener
   */
  constructor(root, canvas, listener) {
    this.urls = root.dataset;
    this.canvas = canvas;
    this.clock = new ServerClock();
    this.meter = new Meter();
    this.screen = new Screen(canvas, (part) => this._shown(part));
    this.camera = null;
    this.phase = "paused";
    this.quality = new Quality();
    this.rendition = null; // what the server says of a smaller copy
    this.capturedMs = NaN;
    this._listener = listener;
    this._session = null;
    this._connection = null;
    this._form = "";
    this._poller = null;
    this._tries = 0;
    this._wake = () => {};
    this._shownMs = null;
    this._periodMs = 0;
    this._isPlaceholder = false;
    this._retryAtMs = 0;
    this._trouble = "";
    this._isFull = false;
    this._ratio = 0;
  }

  /** Begin, or begin again after `stop`. */
  start() {
    if (this._session) return;
    this._session = new AbortController();
    const { signal } = this._session;
    this.phase = "connecting";
    this._shownMs = null;
    const tick = setInterval(() => this._tick(), TICK_MS);
    const ask = setInterval(() => this._askTime(signal), CLOCK_EVERY_MS);
    signal.addEventListener("abort", () => [tick, ask].forEach(clearInterval), { once: true });
    this._run(signal);
    this._tell();
  }

  /** Close the connection and rest. */
  stop() {
    if (!this._session) return;
    this._session.abort();
    this._session = null;
    this.screen.clear();
    this.phase = "paused";
    this._tell();
  }

  /** End a wait, or give up a connection that only looks alive. */
  tryNow() {
    this._wake();
    if (this.phase !== "waiting") this._connection?.abort("again");
  }

  /** @param {string} name auto, full, saver or snapshots */
  choose(name) {
    this.quality.choose(name);
    this._followQuality();
    if (this._session) this._tell();
  }

  /** What the server said about the camera. */
  set cameraState(camera) {
    this.camera = camera;
    if (this._session) this._tell();
  }

  async _run(signal) {
    for (let attempt = 0; !signal.aborted; ) {
      const openedMs = performance.now();
      const { outcome, reason } = await this._connect(signal);
      if (signal.aborted) return;
      if (outcome.kind === "login") return this._enter("login");
      if (performance.now() - openedMs > STEADY_MS) attempt = 0;
      if (reason === "switch" || reason === "again") continue;
      await this._wait(outcome, outcome.retryS ?? backoffS(attempt), signal);
      attempt += 1;
    }
  }

  /** One connection from its beginning to its end. */
  async _connect(signal) {
    const connection = new AbortController();
    const stop = () => connection.abort("stop");
    signal.addEventListener("abort", stop, { once: true });
    this._connection = connection;
    const outcome = await this._receive(connection.signal);
    this._connection = null;
    signal.removeEventListener("abort", stop);
    connection.abort("done");
    return { outcome, reason: connection.signal.reason };
  }

  _receive(signal) {
    if (this.phase !== "waiting") this._enter("connecting");
    this.meter.restart(performance.now());
    const isLate = () => signal.aborted;
    const listener = {
      onOpen: (rendition) => this._opened(signal, rendition),
      onBytes: (count) => this.meter.bytes(count, performance.now()),
      onPart: (part, tookMs) => isLate() || this._arrived(part, tookMs),
    };
    this._form = this.quality.current;
    const query = FORMS[this._form];
    if (query !== null) return readStream(this.urls.feed + (query && `?${query}`), signal, listener);
    const shape = () => ({ widthPx: this.canvas.clientWidth, ratio: this.screen.ratio });
    return this._poll(shape, signal, listener);
  }

  /** Browsers may remember that a module did not come: each try asks for it by a name of its own. */
  async _poll(shape, signal, listener) {
    this._tries += 1;
    this._poller ??= await import(`./snapshots.js?${this._tries}`).catch(() => null);
    return this._poller ? this._poller.pollSnapshots(this.urls.snapshot, shape, signal, listener) : lost("The server does not answer.");
  }

  /** A new connection often follows a sleep of this machine, after which its clock stands elsewhere. */
  _opened(signal, rendition) {
    this.rendition = rendition;
    this._enter(this._isSingle ? "snapshots" : "video");
    this.clock.reset();
    this._askTime(signal);
  }

  /** Sit out the time until the next try; `tryNow` and a network that comes back end it early. */
  async _wait(outcome, seconds, signal) {
    this._trouble = outcome.text;
    this._isFull = outcome.kind === "full";
    this._retryAtMs = performance.now() + seconds * 1000;
    this._enter("waiting");
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this._wake = () => [clearTimeout(timer), resolve()];
      window.addEventListener("online", this._wake, { once: true });
      signal.addEventListener("abort", this._wake, { once: true });
    });
    window.removeEventListener("online", this._wake);
    signal.removeEventListener("abort", this._wake);
    this._wake = () => {};
  }

  get _isSingle() {
    return FORMS[this._form] === null;
  }

  _arrived(part, tookMs) {
    const { sizeBytes, headers } = part;
    const capturedMs = Number(headers["x-timestamp"]) * 1000;
    this.meter.arrived(Number(headers["x-frame-number"]), capturedMs, performance.now(), sizeBytes, tookMs);
    this.screen.offer(part);
  }

  _shown(part) {
    if (!this._session) return;
    const nowMs = performance.now();
    this.capturedMs = Number(part.headers["x-timestamp"]) * 1000;
    this._isPlaceholder = part.headers["x-placeholder"] === "1";
    this.meter.shown(this.clock.at(nowMs) - this.capturedMs, nowMs);
    const isFirst = this._shownMs === null || nowMs - this._shownMs > STALE_MS;
    this._periodMs = nowMs - (this._shownMs ?? nowMs);
    this._shownMs = nowMs;
    if (this.screen.ratio !== this._ratio) this._listener.onShape((this._ratio = this.screen.ratio));
    if (isFirst) this._tell();
  }

  _tick() {
    const nowMs = performance.now();
    this.meter.tick(nowMs);
    this._judgeLink(nowMs);
    this._tell();
  }

  /** Give up a connection that is silent, and ask for what the link can carry. */
  _judgeLink(nowMs) {
    if (this._connection === null) return;
    const silentMs = Math.max(SILENT_CONNECTION_MS, 2 * this._staleAfterMs);
    if (nowMs - this.meter.lastBytesMs > silentMs) this._connection.abort("silent");
    else if (this.phase === "video" || this.phase === "snapshots") {
      if (this.quality.judge(nowMs, this.meter.link(nowMs, this.camera?.rate_hz ?? null))) this._probe(this._connection.signal);
      this._followQuality();
    }
  }

  /** How long one whole picture takes, beside the small ones. */
  async _probe(signal) {
    const askedMs = performance.now();
    const size = await fetch(this.urls.snapshot, { cache: "no-store", signal }).then((answer) => answer.ok && answer.blob()).catch(() => null);
    const nowMs = performance.now();
    this.quality.probed(nowMs, size ? nowMs - askedMs : Infinity);
    this._followQuality();
  }

  /** Connect anew when another form is wanted than the one that comes. */
  _followQuality() {
    if (this.quality.current !== this._form) this._connection?.abort("switch");
  }

  /** Slow cameras and slow links are allowed to be slow: two and a half of their periods. */
  get _staleAfterMs() {
    if (this._isPlaceholder) return STALE_PLACEHOLDER_MS;
    if (this._isSingle) return Math.max(STALE_SNAPSHOT_MS, 2.5 * this._periodMs);
    return Math.max(STALE_MS, 2500 / (this.camera?.rate_hz || Infinity));
  }

  async _askTime(signal) {
    try {
      await probe(this.clock, this.urls.clock, CLOCK_PROBES, signal);
    } catch {
      // The server is away or we stopped: the age stays as good as the last probe.
    }
  }

  _enter(phase) {
    this.phase = phase;
    this._tell();
  }

  _tell() {
    const nowMs = performance.now();
    this._listener.onView(
      describe({
        phase: this.phase,
        nowMs,
        shownMs: this._shownMs,
        staleAfterMs: this._staleAfterMs,
        isPlaceholder: this._isPlaceholder,
        rateHz: this.meter.rateHz(nowMs),
        ageMs: this.meter.ageMs(nowMs),
        retryAtMs: this._retryAtMs,
        trouble: this._trouble,
        isFull: this._isFull,
        quality: this.quality,
        rendition: this.rendition,
        camera: this.camera,
      }),
      this,
    );
  }
}
