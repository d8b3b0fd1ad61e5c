/** One short message at a time, seen and heard: what was done, perhaps with a way back, or why it was not. */

import { partOf, setHidden, setText } from "./dom.js";
import { sentence } from "./words.js";

const SHOWN_MS = 5000;
const DONE_MS = 2500;
const UNDO_MS = 10000;

export class Message {
  /** @param {HTMLElement} root */
  constructor(root) {
    this._root = root;
    this._text = partOf(root, "message");
    this._button = partOf(root, "undo");
    this._undo = null;
    this._timer = 0;
    this._button.addEventListener("click", () => {
      const undo = this._undo;
      this._hide();
      undo?.();
    });
  }

  /** Why something did not work. @param {string} text also without capital and full stop */
  say(text) {
    this._show(text, SHOWN_MS);
  }

  /** What was done. @param {() => void} undo makes it as it was; offered for some seconds */
  done(text, undo = null) {
    this._show(text, undo ? UNDO_MS : DONE_MS, undo);
  }

  _show(text, shownMs, undo = null) {
    clearTimeout(this._timer);
    this._undo = undo;
    setHidden(this._button, undo === null);
    setHidden(this._root, false);
    setText(this._text, sentence(text));
    this._timer = setTimeout(() => this._hideUnlessFocused(), shownMs);
  }

  /** Who is about to press the button may take the time. */
  _hideUnlessFocused() {
    if (this._root.contains(document.activeElement)) this._button.addEventListener("blur", () => this._hide(), { once: true });
    else this._hide();
  }

  _hide() {
    clearTimeout(this._timer);
    this._undo = null;
    setText(this._text, "");
    setHidden(this._root, true);
  }
}
