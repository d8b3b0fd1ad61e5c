/** The picture's frame: state mark, name and clock, which form it has, the veil over an old picture. */

import { partOf, setData, setHidden, setText } from "./dom.js";

export class Stage {
  /**
   * @param {HTMLElement} root the frame
   * @param {{onAction: () => void}} listener the veil's button
   */
  constructor(root, listener) {
    this._root = root;
    this._parts = {};
    for (const name of ["mark", "mark-word", "mark-figures", "name", "clock", "veil", "veil-title", "veil-text", "veil-action", "notice"]) {
      this._parts[name] = partOf(root, name);
    }
    this._parts["veil-action"].addEventListener("click", listener.onAction);
  }

  /** The picture's width divided by its height. */
  set ratio(ratio) {
    document.documentElement.style.setProperty("--ratio", ratio.toFixed(4));
  }

  /** What the camera is called. */
  set name(name) {
    setText(this._parts.name, name);
  }

  /** @param {View} view @param {number} capturedMs Unix time of the picture, ms; NaN while unknown */
  show(view, capturedMs) {
    const parts = this._parts;
    setData(this._root, "tone", view.tone);
    setText(parts["mark-word"], view.word);
    setText(parts["mark-figures"], view.figures);
    setText(parts.clock, Number.isFinite(capturedMs) ? clockText(capturedMs) : "");
    setText(parts.notice, view.note);
    setHidden(parts.notice, !view.note);
    this._showVeil(view);
  }

  _showVeil(view) {
    const parts = this._parts;
    setData(this._root, "stale", String(view.isStale));
    if (view.veil) {
      setText(parts["veil-title"], view.veil.title);
      setText(parts["veil-text"], view.veil.text);
      setText(parts["veil-action"], view.veil.action);
      setHidden(parts["veil-action"], !view.veil.action);
      setData(parts.veil, "busy", String(view.veil.isBusy));
    }
    setHidden(parts.veil, view.veil === null);
  }
}

/** 14:02:31, in the watcher's own time zone. */
function clockText(unixMs) {
  const time = new Date(unixMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
