/** The choice of the picture's quality, over the picture: four buttons and what is in effect now. Loaded when it is opened. */

import { make, setText } from "./dom.js";
import { NAMES } from "./quality.js";
import { copyText, sentence } from "./words.js";

const WORDS = {
  full: "The picture as the camera makes it.",
  saver: "Half size, ten pictures a second.",
  snapshots: "One picture a second, as large as it comes quickly.",
};

export class QualityMenu {
  /** @param {HTMLElement} root what to fill @param {Player} player */
  constructor(root, player) {
    this.root = root;
    this._player = player;
    this._buttons = Object.entries(NAMES).map(([name, label]) => {
      const button = make("button", { type: "button", class: "button", onclick: () => this._choose(name) }, label);
      return { name, button };
    });
    this._now = make("p", { role: "status" });
    root.append(make("div", { class: "quality-choice" }, ...this._buttons.map(({ button }) => button)), this._now);
  }

  /** Several times a second; costs nothing while it is closed. */
  refresh() {
    if (this.root.hidden) return;
    const { quality } = this._player;
    for (const { name, button } of this._buttons) button.setAttribute("aria-pressed", String(quality.chosen === name));
    setText(this._now, nowText(this._player));
  }

  _choose(name) {
    this._player.choose(name);
    this.refresh();
  }
}

/** "Now Saver, the link is slow. Half size, ten pictures a second." */
function nowText({ quality, rendition }) {
  const { current, chosen, why } = quality;
  const now = chosen === "auto" ? `Now ${NAMES[current]}${why && `: ${why}`}. ` : "";
  if (current !== "saver" || !rendition?.endsWith("nearest")) return now + WORDS[current];
  return now + sentence(`There is no place for one more copy, so it is the nearest one: ${copyText(rendition)}`);
}
