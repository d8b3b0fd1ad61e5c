/** Right under the picture: Photo, Record, Timelapse and the newest shots; the rest of the library is loaded when it is wanted. */

import { send } from "./api.js";
import { lazily, make, partOf, setData, setHidden, setText } from "./dom.js";
import { RecordButton } from "./media-record.js";
import { SHOTS, showShots } from "./media-shots.js";
import { sizeText } from "./media-words.js";
import { Press } from "./press.js";
import { isTyping } from "./turret.js";
import { sentence } from "./words.js";

const PHOTO_WITHIN_MS = 70000; // a camera that was asleep wakes up first, and may be told to wait
const FLASH_MS = 250;
const HOLD_MS = 800;
const MARK = "#item-";

export class Media {
  /** @param {HTMLElement} root @param {HTMLElement} frame of the picture @param {Turret} turret for role and messages */
  constructor(root, frame, turret) {
    this._urls = root.dataset;
    this._frame = frame;
    this._turret = turret;
    this._parts = {};
    for (const name of ["photo", "lapse", "lapse-word", "shots", "media-facts", "media-why"]) this._parts[name] = partOf(root, name);
    this._record = new RecordButton(root, root.dataset.api, turret, (item) => this._add(item));
    this._state = null;
    this._waiting = 0;
    this._newest = [];
    this._revision = null;
    this._late = new Map();
    this._press = new Press(HOLD_MS);
    this._wire();
    if (location.hash.startsWith(MARK)) this._openItem(Number(location.hash.slice(MARK.length)), false);
  }

  /** @param {object | null} state as in /api/status; null while we are cut off */
  take(state) {
    this._state = state;
    if (state) {
      this._record.take(state.recording);
      if (state.media.revision !== this._revision) this._askNewest(state.media.revision);
      this._showShots();
      for (const late of this._late.values()) late.take(state);
    }
    this.refresh();
  }

  /** How long something has been recorded by now, in seconds, or null. */
  get recordingS() {
    return this._record.lengthS;
  }

  /** Write what counts; called several times a second. */
  refresh() {
    const refusal = this._turret.roleRefusal("operator");
    const { photo, lapse, "media-why": why } = this._parts;
    photo.disabled = refusal !== "";
    this._record.refresh(refusal);
    lapse.disabled = !this._state?.timelapse;
    this._showLapse();
    this._showFacts();
    const problem = this._state?.media.disk.problem;
    setText(why, refusal || (problem ? sentence(problem) : ""));
    setHidden(why, !refusal && !problem);
  }

  _showLapse() {
    const lapse = this._state?.timelapse;
    const rendering = lapse?.rendering ?? null;
    const making = rendering === null ? "Timelapse" : `Film ${Math.floor(rendering * 100)} %`;
    setData(this._parts.lapse, "state", lapse?.running || rendering !== null ? "on" : "off");
    setText(this._parts["lapse-word"], lapse?.running ? `${lapse.shots} ${lapse.shots === 1 ? "shot" : "shots"}` : making);
  }

  /** Free space always; while recording also how much it is, and what was lost. */
  _showFacts() {
    const { facts } = this._record;
    const freeBytes = this._state?.media.disk.free_bytes ?? null;
    this._parts["media-facts"].toggleAttribute("data-busy", facts.length > 0);
    setText(this._parts["media-facts"], [...facts, ...(freeBytes === null ? [] : [`${sizeText(freeBytes)} free`])].join(" · "));
  }

  _wire() {
    const { photo, lapse, shots } = this._parts;
    photo.addEventListener("pointerdown", (event) => event.button === 0 && this._press.begin(photo, () => this.photo(true)));
    for (const kind of ["pointerup", "pointercancel", "pointerleave"]) photo.addEventListener(kind, () => this._press.end());
    photo.addEventListener("contextmenu", (event) => event.preventDefault());
    photo.addEventListener("click", (event) => (event.detail > 0 && this._press.wasHeld) || this.photo());
    lapse.addEventListener("click", () => this._openLapse());
    shots.addEventListener("click", (event) => this._click(event));
    document.addEventListener("keydown", (event) => this._key(event));
    window.addEventListener("popstate", () => this._late.get("player")?.followAddress());
  }

  /** p photo, with Shift in full size; r record. */
  _key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "p" || event.key === "P") this.photo(event.shiftKey);
    if (event.key === "r") this._record.press();
  }

  /**
   * One press, one photo; its place in the row is kept until it is there.
   * @param {boolean} isFullSize in the camera's largest size, for which the live picture pauses
   */
  async photo(isFullSize = false) {
    const refusal = this._turret.roleRefusal("operator");
    if (refusal) return this._turret.message.say(refusal);
    if (isFullSize) this._turret.message.say("Photo in full size: the live picture pauses for a moment.");
    else this._flash();
    this._wait(1);
    try {
      const item = await send("POST", `${this._urls.api}/photos`, { full_resolution: isFullSize }, false, PHOTO_WITHIN_MS);
      this._add(item);
      this._turret.message.done(`Photo ${item.filename}`);
    } catch (error) {
      this._turret.message.say(error.message);
    }
    return this._wait(-1);
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
    const converting = this._state?.media.converting ?? [];
    showShots(this._parts.shots, this._newest, converting, this._waiting > 0, this._urls.gallery);
  }

  _click(event) {
    const shot = event.target.closest("a.shot");
    if (!shot || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this._openItem(Number(shot.dataset.id), true);
  }

  async _openItem(id, isNew) {
    const player = await this._loaded("player", () => import("./media-live.js"), (module) => module.LivePlayer);
    await player?.open(id, isNew);
  }

  async _openLapse() {
    const form = await this._loaded("lapse", () => import("./media-timelapse.js"), (module) => module.Timelapse);
    await form?.open();
  }

  /** What is seldom wanted comes late; it is told the state from then on. */
  async _loaded(name, load, classOf) {
    const module = this._late.has(name) ? null : await lazily(load(), this._turret.message);
    if (module && !this._late.has(name)) {
      this._late.set(name, new (classOf(module))(this._urls, this._turret));
      this._late.get(name).take(this._state);
    }
    return this._late.get(name) ?? null;
  }
}
