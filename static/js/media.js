/** Right under the picture: Photo, Record, Timelapse and the newest shots; the rest of the library is loaded when it is wanted. */

import { send } from "./api.js";
import { lazily, make, partOf, setData, setHidden, setText } from "./dom.js";
import { SHOTS, showShots } from "./media-shots.js";
import { lengthText, sizeText } from "./media-words.js";
import { isTyping } from "./turret.js";

const PHOTO_WITHIN_MS = 70000; // a camera that was asleep wakes up first, and may be told to wait
const STOP_WITHIN_MS = 30000;
const ASK_EVERY_MS = 1000;
const FLASH_MS = 250;

export class Media {
  /** @param {HTMLElement} root @param {HTMLElement} frame of the picture @param {Turret} turret for role and messages */
  constructor(root, frame, turret) {
    this._urls = root.dataset;
    this._frame = frame;
    this._turret = turret;
    this._parts = {};
    for (const name of ["photo", "record", "record-word", "lapse", "lapse-word", "shots", "media-facts", "media-why"]) {
      this._parts[name] = partOf(root, name);
    }
    this._state = null;
    this._recording = { recording: false };
    this._tookAtMs = 0;
    this._busy = "";
    this._waiting = 0;
    this._newest = [];
    this._revision = null;
    this._lateParts = new Map();
    this._wire();
  }

  /** @param {object | null} state as in /api/status; null while we are cut off */
  take(state) {
    const isFirst = this._tookAtMs === 0;
    this._state = state;
    if (!state) return this.refresh();
    this._takeRecording(state.recording);
    if (state.media.revision !== this._revision) this._askNewest(state.media.revision);
    this._showShots();
    if (isFirst && location.hash.startsWith("#item-")) this._openItem(Number(location.hash.slice(6)), false);
    for (const late of this._lateParts.values()) late.take?.(state);
    return this.refresh();
  }

  /** Is something recorded, for how long now? In seconds, or null. */
  get recordingS() {
    const { recording, duration_s: lengthS } = this._recording;
    return recording ? lengthS + (performance.now() - this._tookAtMs) / 1000 : null;
  }

  /** Write what counts; called several times a second. */
  refresh() {
    const refusal = this._turret.roleRefusal("operator");
    const { photo, record, lapse, "media-why": why } = this._parts;
    for (const button of [photo, record]) button.disabled = refusal !== "";
    lapse.disabled = !this._state?.timelapse;
    setText(why, refusal);
    setHidden(why, refusal === "");
    this._showRecord();
    this._showLapse();
    this._showFacts();
  }

  _showRecord() {
    const lengthS = this.recordingS;
    setData(this._parts.record, "state", this._busy ? "busy" : lengthS === null ? "off" : "on");
    setText(this._parts["record-word"], this._busy || (lengthS === null ? "Record" : `Stop ${lengthText(Math.floor(lengthS))}`));
  }

  _showLapse() {
    const lapse = this._state?.timelapse;
    const isRunning = Boolean(lapse?.running);
    const isRendering = lapse?.rendering !== null && lapse?.rendering !== undefined;
    setData(this._parts.lapse, "state", isRunning || isRendering ? "on" : "off");
    const making = isRendering ? `Film ${Math.floor(lapse.rendering * 100)} %` : "Timelapse";
    setText(this._parts["lapse-word"], isRunning ? `${lapse.shots} ${lapse.shots === 1 ? "shot" : "shots"}` : making);
  }

  /** Free space always; while recording also how much it is, and what was lost. */
  _showFacts() {
    const { recording, size_bytes: sizeBytes, dropped } = this._recording;
    const facts = recording ? [sizeText(sizeBytes)] : [];
    if (recording && dropped > 0) facts.push(`${dropped} dropped`);
    const freeBytes = this._state?.media.disk.free_bytes ?? null;
    if (freeBytes !== null) facts.push(`${sizeText(freeBytes)} free`);
    setText(this._parts["media-facts"], facts.join(" · "));
    this._parts["media-facts"].toggleAttribute("data-busy", recording);
  }

  _wire() {
    const { photo, record, lapse, shots } = this._parts;
    photo.addEventListener("click", () => this.photo());
    record.addEventListener("click", () => this.record());
    lapse.addEventListener("click", () => this._openLapse());
    shots.addEventListener("click", (event) => this._click(event));
    document.addEventListener("keydown", (event) => this._key(event));
    window.addEventListener("popstate", () => this._late("player")?.followAddress());
    setInterval(() => document.hidden || (this._recording.recording && this._askRecording()), ASK_EVERY_MS);
  }

  /** p photo, r record. */
  _key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "p") this.photo();
    if (event.key === "r") this.record();
  }

  /** One press, one photo; its place in the row is kept until it is there. */
  async photo() {
    if (this._parts.photo.disabled) return this._turret.message.say(this._turret.roleRefusal("operator"));
    this._flash();
    this._wait(1);
    try {
      const item = await send("POST", `${this._urls.api}/photos`, {}, false, PHOTO_WITHIN_MS);
      this._add(item);
      this._turret.message.done(`Photo ${item.filename}`);
    } catch (error) {
      this._turret.message.say(error.message);
    }
    return this._wait(-1);
  }

  /** Begin, or end: it is saved when the answer says so, not before. */
  async record() {
    if (this._busy) return;
    if (this._parts.record.disabled) return this._turret.message.say(this._turret.roleRefusal("operator"));
    const isEnding = this._recording.recording;
    this._busy = isEnding ? "Saving…" : "Starting…";
    this.refresh();
    try {
      const answer = await send(isEnding ? "DELETE" : "POST", `${this._urls.api}/recording`, isEnding ? undefined : {}, false, STOP_WITHIN_MS);
      this._takeRecording(isEnding ? { recording: false } : answer);
      if (isEnding) this._add(answer);
      this._turret.message.done(isEnding ? `Saved, ${lengthText(answer.duration_s)}. It is converted now and plays already.` : "Recording");
    } catch (error) {
      this._turret.message.say(error.message);
    }
    this._busy = "";
    this.refresh();
  }

  _takeRecording(recording) {
    this._recording = recording;
    this._tookAtMs = performance.now();
  }

  /** How much it is by now. */
  async _askRecording() {
    const recording = await send("GET", `${this._urls.api}/recording`).catch(() => null);
    if (recording && !this._busy) this._takeRecording(recording);
  }

  _flash() {
    const flash = make("i", { class: "flash" });
    this._frame.append(flash);
    setTimeout(() => flash.remove(), FLASH_MS);
  }

  _wait(change) {
    this._waiting = Math.max(0, this._waiting + change);
    this._showShots();
  }

  /** Show a new item before the next state brings it. */
  _add(item) {
    if (!this._newest.some((known) => known.id === item.id)) this._newest.unshift(item);
    this._showShots();
  }

  /** The library changed: look at its newest items again. */
  async _askNewest(revision) {
    this._revision = revision;
    const page = await send("GET", `${this._urls.api}/media?limit=${SHOTS}`).catch(() => null);
    if (page === null) this._revision = null; // the next state tries again
    if (page === null || this._revision !== revision) return;
    this._newest = page.items;
    this._showShots();
  }

  _showShots() {
    if (this._state) showShots(this._parts.shots, this._newest, this._state.media.converting, this._waiting > 0, this._urls.gallery);
  }

  _click(event) {
    const shot = event.target.closest("a.shot");
    if (!shot || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this._openItem(Number(shot.dataset.id));
  }

  async _openItem(id, isNew = true) {
    const player = await this._loaded("player", () => import("./media-live.js"), (module) => module.LivePlayer);
    await player?.open(id, isNew);
  }

  async _openLapse() {
    const form = await this._loaded("lapse", () => import("./media-timelapse.js"), (module) => module.Timelapse);
    form?.open();
  }

  _late(name) {
    return this._lateParts.get(name) ?? null;
  }

  async _loaded(name, load, classOf) {
    if (!this._lateParts.has(name)) {
      const module = await lazily(load(), this._turret.message);
      if (!module) return null;
      const late = new (classOf(module))(this._urls, this._turret);
      if (!this._lateParts.has(name)) this._lateParts.set(name, late);
      late.take?.(this._state);
    }
    return this._late(name);
  }
}
