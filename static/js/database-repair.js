/** Check and repair: begin, see how far it is, cancel, read what was found. */

import { send } from "./api.js";
import { make, partOf, setHidden, setText } from "./dom.js";
import { countText } from "./library-words.js";
import { sentence } from "./words.js";

const ASK_EVERY_MS = 300;
const FINDINGS = {
  added: ["file got a row", "files got a row"],
  expiring: ["of them is a still and goes when its days are over", "of them are stills and go when their days are over"],
  finished: ["film was finished", "films were finished"],
  lost: ["row without a file is gone", "rows without a file are gone"],
  aside: ["file cannot be played and was set aside", "files cannot be played and were set aside"],
  left: ["file was left alone, it is still being written or cannot be read", "files were left alone, they are still being written or cannot be read"],
};

export class RepairTask {
  constructor(root, api, message) {
    this._url = `${api}/database/repair`;
    this._message = message;
    this._parts = Object.fromEntries(["progress", "text", "report", "start", "cancel"].map((name) => [name, partOf(root, `repair-${name}`)]));
    this._isAsking = false;
    this._commands = 0;
    this._parts.start.addEventListener("click", () => this._tell("POST"));
    this._parts.cancel.addEventListener("click", () => this._tell("DELETE"));
    this._follow();
  }

  async _tell(method) {
    this._parts.start.disabled = true;
    try {
      const state = await send(method, this._url);
      this._commands += 1;
      this._show(state);
      this._follow();
    } catch (error) {
      this._message.say(error.message);
    }
    this._parts.start.disabled = false;
  }

  /** Ask how far it is until it has ended; what was asked before a command was answered is not known any more. */
  async _follow() {
    if (this._isAsking) return;
    this._isAsking = true;
    for (let isRunning = true; isRunning; ) {
      const commands = this._commands;
      const state = await send("GET", this._url).catch(() => null);
      const isKnown = state !== null && commands === this._commands;
      if (isKnown) this._show(state);
      isRunning = !isKnown || state.running;
      if (isRunning) await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
    this._isAsking = false;
  }

  _show({ running, done, total, report, fault }) {
    const { progress, text, start, cancel, report: list } = this._parts;
    setHidden(progress, !running);
    progress.value = total ? done / total : 0;
    setHidden(start, running);
    setHidden(cancel, !running);
    if (running) setText(text, total ? `${done.toLocaleString("en-GB")} of ${countText(total, "file")} checked.` : "Looking for files.");
    else setText(text, fault ? sentence(fault) : report ? resultText(report) : "");
    list.replaceChildren(...(running || !report ? [] : findings(report)));
  }
}

function resultText(report) {
  const isClean = Object.keys(FINDINGS).every((name) => report[name].length === 0);
  return `${countText(report.checked, "file")} checked${isClean ? ": rows and files agree" : ""}.`;
}

function findings(report) {
  const found = Object.entries(FINDINGS).filter(([name]) => report[name].length);
  return found.map(([name, words]) =>
    make("details", {}, make("summary", {}, countText(report[name].length, ...words)), make("ul", {}, ...report[name].map((file) => make("li", {}, file)))),
  );
}
