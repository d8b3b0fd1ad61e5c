/** One short message at a time, seen and heard: why something did not work. */

import { setText } from "./dom.js";
import { sentence } from "./words.js";

const SHOWN_MS = 5000;

export class Message {
  constructor(root) {
    this._root = root;
    this._timer = 0;
  }

  /** @param {string} text also without capital and full stop */
  say(text) {
    clearTimeout(this._timer);
    setText(this._root, sentence(text));
    this._timer = setTimeout(() => setText(this._root, ""), SHOWN_MS);
  }
}
