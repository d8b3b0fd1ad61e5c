/** Processed copies of an opened photo: three buttons, and on a copy the way to what it was made of. */

import { partOf, setHidden, setText } from "./dom.js";
import { isPicture } from "./media-screen.js";

const NAMES = ["copy-buttons", "copy-why", "parent", "parent-name"];
const FILM = "Copies are made of photos only.";

export class Copies {
  /**
   * @param {HTMLElement} root @param {Library} library @param {Message} message @param {string} refusal why nothing may
   * be changed, or "" @param {{addressOf: (id: number) => string, isShown: (id: number) => boolean, open: (item: object) => void}} player
   */
  constructor(root, library, message, refusal, player) {
    Object.assign(this, { _library: library, _message: message, _refusal: refusal, _player: player });
    this._parts = Object.fromEntries(NAMES.map((name) => [name, partOf(root, `item-${name}`)]));
    this._buttons = [...this._parts["copy-buttons"].querySelectorAll("button")];
    this._item = null;
    this._isBusy = false;
    for (const button of this._buttons) button.addEventListener("click", () => this._make(button));
    this._parts.parent.addEventListener("click", (event) => this._openParent(event));
  }

  show(item) {
    this._item = item;
    const { "copy-why": why, parent, "parent-name": name } = this._parts;
    const isRefused = this._refusal !== "" || !isPicture(item);
    for (const button of this._buttons) button.disabled = isRefused;
    setText(why, isPicture(item) ? "" : FILM);
    setHidden(why, isPicture(item));
    setHidden(parent, item.parent_id === null);
    if (item.parent_id === null) return;
    parent.href = this._player.addressOf(item.parent_id);
    setText(name, item.parent_filename ?? `item ${item.parent_id}`);
  }

  /** Make one, and open it unless another item was opened meanwhile. */
  async _make(button) {
    if (this._isBusy) return;
    const photo = this._item;
    this._setBusy(button, true);
    this._message.say(`Making a copy of ${photo.filename}: ${button.textContent}`);
    try {
      const copy = await this._library.copy(photo.id, button.value);
      if (this._player.isShown(photo.id)) this._player.open(copy);
      this._message.done(`Made ${copy.filename}.`);
    } catch (error) {
      this._message.say(error.message);
    }
    this._setBusy(button, false);
  }

  /** Greyed, but not disabled: a button that is disabled loses the keyboard's place. */
  _setBusy(button, isBusy) {
    this._isBusy = isBusy;
    this._parts["copy-buttons"].toggleAttribute("data-busy", isBusy);
    button.setAttribute("aria-busy", String(isBusy));
  }

  async _openParent(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const copy = this._item;
    const photo = await this._library.find(copy.parent_id).catch((error) => this._message.say(error.message));
    if (photo && this._player.isShown(copy.id)) this._player.open(photo);
  }
}
