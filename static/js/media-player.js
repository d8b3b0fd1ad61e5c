/** An opened item over the page: whole, with its neighbours by buttons, arrow keys and swipe, under an address of its own. */

import { partOf } from "./dom.js";
import { Actions } from "./media-actions.js";
import { Copies } from "./media-copies.js";
import { MediaScreen } from "./media-screen.js";
import { Message } from "./message.js";
import { followSwipes } from "./swipe.js";

export class Player {
  /**
   * @param {HTMLDialogElement} root @param {HTMLDialogElement} question
   * @param {Library} library @param {string} refusal why nothing may be changed, or ""
   * @param {{addressOf: (id: number | null) => string, onShown: (item: object) => void}} page
   */
  constructor(root, question, library, refusal, page) {
    this._root = root;
    this._library = library;
    this._page = page;
    this._id = null;
    this._hasEntry = false;
    this._message = new Message(partOf(root, "toast"));
    this._screen = new MediaScreen(partOf(root, "item-screen"));
    this._actions = new Actions(root, library, this._message, question, refusal, (next) => (next ? this._move(next) : this.close()));
    this._copies = new Copies(root, library, this._message, refusal, {
      addressOf: page.addressOf,
      isShown: (shown) => this._id === shown,
      open: (item) => this._move(item),
    });
    this._turns = { [-1]: partOf(root, "item-newer"), 1: partOf(root, "item-older") };
    this._wire();
  }

  get isOpen() {
    return this._id !== null;
  }

  /**
   * Open an item; throws why not.
   * @param {boolean} isNew give it an entry in the history, so that Back closes it
   */
  async open(id, isNew = true) {
    const item = await this._library.find(id);
    if (isNew && id === this._id) return; // the second of two clicks
    if (isNew) history.pushState({ item: id }, "", this._page.addressOf(id));
    this._hasEntry = isNew;
    if (!this._root.open) this._root.showModal();
    this._root.focus();
    this._show(item);
  }

  /** As Back does when it was opened from this page. */
  close() {
    if (this._hasEntry) return history.back();
    history.replaceState(null, "", this._page.addressOf(null));
    return this.hide();
  }

  /** The address does not name it any more. */
  hide() {
    this._id = null;
    this._screen.clear();
    this._root.close();
  }

  /** The library changed: the open item may have, too, or may be gone. */
  async refresh() {
    const id = this._id;
    if (!this.isOpen || this._actions.isDeleting) return;
    const item = await this._library.find(id).catch(() => null);
    if (!this.isOpen || id !== this._id) return;
    if (item) this._write(item);
    else this.close();
  }

  _show(item) {
    this._id = item.id;
    this._page.onShown(item);
    this._write(item);
  }

  _write(item) {
    this._screen.show(item);
    this._actions.show(item);
    this._copies.show(item);
    this._showTurns();
  }

  async _showTurns() {
    const id = this._id;
    for (const step of [-1, 1]) {
      const other = await this._library.neighbour(id, step).catch(() => null);
      if (id !== this._id) return;
      this._turns[step].disabled = other === null;
    }
  }

  async _turn(step) {
    if (this._actions.isRenaming) return;
    const id = this._id;
    const other = await this._library.neighbour(id, step).catch((error) => this._message.say(error.message));
    if (other && id === this._id) this._move(other);
  }

  _move(item) {
    history.replaceState({ item: item.id }, "", this._page.addressOf(item.id));
    this._show(item);
  }

  _wire() {
    for (const step of [-1, 1]) this._turns[step].addEventListener("click", () => this._turn(step));
    partOf(this._root, "item-close").addEventListener("click", () => this.close());
    this._root.addEventListener("cancel", (event) => {
      if (event.target !== this._root) return;
      event.preventDefault();
      this.close();
    });
    this._root.addEventListener("keydown", (event) => this._key(event));
    followSwipes(partOf(this._root, "item-stage"), partOf(this._root, "item-screen"), (step) => this._turn(step));
  }

  _key(event) {
    event.stopPropagation(); // nothing below the dialog is meant
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input")) return;
    const isOnFilm = event.target.matches("video"); // arrows seek there, space plays
    const turn = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (turn && !isOnFilm) this._turn(turn);
    else if (event.key === " " && !event.target.closest("button, a, video")) this._screen.toggle();
    else if (event.key === "Delete") this._actions.delete();
    else return;
    event.preventDefault();
  }
}
