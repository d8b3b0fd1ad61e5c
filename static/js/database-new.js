/** A new database in two steps: what is lost and what is kept is said before, and a word has to be typed. */

import { send } from "./api.js";
import { partOf, setHidden } from "./dom.js";
import { countText } from "./library-words.js";

const WORD = "new database";
const NEW_WITHIN_MS = 60000;

export class NewTask {
  constructor(root, api, message) {
    Object.assign(this, { _api: api, _message: message });
    this._first = partOf(root, "new-first");
    this._form = partOf(root, "new-second");
    this._word = partOf(root, "new-confirm");
    this._yes = partOf(root, "new-yes");
    this._first.addEventListener("click", () => this._show(true));
    partOf(root, "new-cancel").addEventListener("click", () => this._show(false));
    this._word.addEventListener("input", () => (this._yes.disabled = this._word.value.trim().toLowerCase() !== WORD));
    this._form.addEventListener("submit", (event) => this._make(event));
  }

  _show(isOpen) {
    setHidden(this._first, isOpen);
    setHidden(this._form, !isOpen);
    this._first.setAttribute("aria-expanded", String(isOpen));
    this._word.value = "";
    this._yes.disabled = true;
    (isOpen ? this._word : this._first).focus();
  }

  async _make(event) {
    event.preventDefault();
    if (this._yes.disabled) return;
    this._yes.disabled = true;
    try {
      const done = await send("POST", `${this._api}/database/new`, { confirm: WORD }, false, NEW_WITHIN_MS);
      this._show(false);
      this._message.say(`${countText(done.forgotten, "row")} forgotten. The database as it was is kept as ${done.copy_name}`);
    } catch (error) {
      this._message.say(error.message);
      this._yes.disabled = false;
    }
  }
}
