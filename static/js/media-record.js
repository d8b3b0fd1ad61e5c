/** The Record button: begins and ends a recording, and says how long, how large and how whole it is meanwhile. */

import { send } from "./api.js";
import { partOf, setData, setText } from "./dom.js";
import { lengthText, sizeText } from "./media-words.js";

const STOP_WITHIN_MS = 30000;
const ASK_EVERY_MS = 1000;
const NONE = { recording: false };

export class RecordButton {
  /** @param {HTMLElement} root @param {string} api @param {Turret} turret for role and messages @param {(item: object) => void} onSaved */
  constructor(root, api, turret, onSaved) {
    this._url = `${api}/recording`;
    this._turret = turret;
    this._onSaved = onSaved;
    this._button = partOf(root, "record");
    this._word = partOf(root, "record-word");
    this._state = NONE;
    this._tookAtMs = 0;
    this._busy = "";
    this._button.addEventListener("click", () => this.press());
    setInterval(() => document.hidden || (this._state.recording && this._ask()), ASK_EVERY_MS);
  }

  /** @param {object} recording of the state; one that grew old on its way is none */
  take(recording) {
    if (recording.at_s < this._state.at_s) return;
    const isEndedAlone = this._state.recording && !recording.recording;
    this._state = recording;
    this._tookAtMs = performance.now();
    if (isEndedAlone && !this._busy && recording.reason) this._turret.message.say(`The recording ended: ${recording.reason}`);
  }

  /** How long it has been recording by now, in seconds; null when it does not. */
  get lengthS() {
    const { recording, duration_s: lengthS } = this._state;
    return recording ? lengthS + (performance.now() - this._tookAtMs) / 1000 : null;
  }

  /** How large it is, and how many pictures were lost; nothing while nothing is recorded. */
  get facts() {
    const { recording, size_bytes: sizeBytes, dropped } = this._state;
    if (!recording) return [];
    return dropped > 0 ? [sizeText(sizeBytes), `${dropped} dropped`] : [sizeText(sizeBytes)];
  }

  refresh(refusal) {
    const { lengthS } = this;
    this._button.disabled = refusal !== "";
    setData(this._button, "state", this._busy ? "busy" : lengthS === null ? "off" : "on");
    setText(this._word, this._busy || (lengthS === null ? "Record" : `Stop ${lengthText(Math.floor(lengthS))}`));
  }

  /** Begin, or end: it is saved when the answer says so, not before. */
  async press() {
    if (this._busy) return;
    const refusal = this._turret.roleRefusal("operator");
    if (refusal) return this._turret.message.say(refusal);
    const isEnding = this._state.recording;
    this._busy = isEnding ? "Saving…" : "Starting…";
    this.refresh("");
    try {
      await (isEnding ? this._end() : this._begin());
    } catch (error) {
      this._turret.message.say(error.message);
    }
    this._busy = "";
    this.refresh("");
  }

  async _begin() {
    this.take(await send("POST", this._url, {}));
    this._turret.message.done("Recording");
  }

  async _end() {
    const item = await send("DELETE", this._url, undefined, false, STOP_WITHIN_MS);
    this.take({ ...NONE, at_s: this._state.at_s });
    this._ask();
    this._onSaved(item);
    this._turret.message.done(`Saved, ${lengthText(item.duration_s)}. It is made into a film now, and plays already.`);
  }

  async _ask() {
    const recording = await send("GET", this._url).catch(() => null);
    if (recording) this.take(recording);
  }
}
