/** The buttons on the picture and their keys: information, picture in picture, full screen, help. */

import { partOf, setHidden } from "./dom.js";
import { isScreenPossible } from "./screen.js";

const QUIET_AFTER_MS = 3000;
const isPipPossible =
  isScreenPossible &&
  document.pictureInPictureEnabled === true && typeof HTMLCanvasElement.prototype.captureStream === "function";

export class Tools {
  /**
   * @param {HTMLElement} stage what fills the screen
   * @param {{openBox: (name: string) => Promise<{root: HTMLElement, refresh: () => void} | null>,
   *   openHelp: () => Promise<HTMLDialogElement | null>, openPip: () => Promise<Pip | null>}} listener what lies over the
   *   picture, info or quality, the list of keys, and the small window; loaded when they are first wanted
   */
  constructor(stage, listener) {
    this._stage = stage;
    this._help = null;
    this._listener = listener;
    this._buttons = Object.fromEntries(["info", "quality", "pip", "full"].map((name) => [name, partOf(stage, `${name}-button`)]));
    this._quietTimer = 0;
    this._wire();
  }

  /** @param {string} name info or quality */
  async toggle(name) {
    const box = await this._listener.openBox(name);
    if (!box) return;
    setHidden(box.root, !box.root.hidden);
    this._buttons[name].setAttribute("aria-expanded", String(!box.root.hidden));
    box.refresh();
  }

  /** Phones without the full-screen call get the picture over the whole page instead. */
  async toggleFull() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (this._stage.requestFullscreen) await this._stage.requestFullscreen({ navigationUI: "hide" });
    else this._setFull(!this._stage.classList.contains("is-full"));
  }

  async togglePip() {
    const pip = await this._listener.openPip();
    await pip?.toggle();
  }

  async toggleHelp() {
    this._help ??= await this._listener.openHelp();
    if (this._help?.open) this._help.close();
    else this._help?.showModal();
  }

  /** The small window can also be closed from outside. */
  showPip(isOpen) {
    this._buttons.pip.setAttribute("aria-pressed", String(isOpen));
  }

  _wire() {
    const { info, quality, pip, full } = this._buttons;
    info.addEventListener("click", () => this.toggle("info"));
    quality.addEventListener("click", () => this.toggle("quality"));
    pip.addEventListener("click", () => this.togglePip().catch(reportRefusal));
    full.addEventListener("click", () => this.toggleFull().catch(reportRefusal));
    for (const button of document.querySelectorAll('[data-part="help-button"]')) {
      button.addEventListener("click", () => this.toggleHelp());
    }
    document.addEventListener("fullscreenchange", () => this._setFull(document.fullscreenElement === this._stage));
    document.addEventListener("keydown", (event) => this._key(event));
    this._stage.addEventListener("pointermove", () => this._stir());
    setHidden(quality, !isScreenPossible);
    setHidden(pip, !isPipPossible);
    setHidden(partOf(this._stage, "tools"), false);
  }

  /** p and r are the media panel's, Esc and the space bar are STOP. */
  _key(event) {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (isTyping || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const action = { f: () => this.toggleFull(), i: () => this.toggle("info"), q: () => isScreenPossible && this.toggle("quality"), "?": () => this.toggleHelp() }[event.key];
    if (!action || (this._help?.open && event.key !== "?")) return;
    event.preventDefault();
    Promise.resolve(action()).catch(reportRefusal);
  }

  _setFull(isFull) {
    this._stage.classList.toggle("is-full", isFull);
    this._buttons.full.setAttribute("aria-pressed", String(isFull));
    this._stir();
  }

  /** In full screen what lies on the picture fades while the pointer rests. */
  _stir() {
    clearTimeout(this._quietTimer);
    this._stage.classList.remove("is-quiet");
    if (!this._stage.classList.contains("is-full")) return;
    this._quietTimer = setTimeout(() => this._stage.classList.add("is-quiet"), QUIET_AFTER_MS);
  }
}

/** The browser may refuse (no gesture, a policy); the picture goes on as it was. */
function reportRefusal(error) {
  console.warn(error.message);
}
