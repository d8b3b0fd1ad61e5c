/** What the Aim panel shows when more is wanted: patrol, editing presets, click to aim, and a motor's straight ahead. */

import { lazily, make, setHidden, setText } from "./dom.js";

const DWELLS_S = [2, 5, 10, 20, 30, 60, 120];
const DWELL_KEPT_AS = "patrol-dwell";

export class More {
  /**
   * @param {HTMLElement} root what to fill
   * @param {HTMLElement} frame of the picture
   * @param {Turret} turret
   * @param {Presets} presets
   */
  constructor(root, frame, turret, presets) {
    this._root = root;
    this._frame = frame;
    this._turret = turret;
    this._presets = presets;
    this._editor = null;
    this._calibration = null;
    presets.onChange = () => this._editor?.refresh();
    this._build();
  }

  /** Write the state; called with every new one. */
  refresh() {
    const turret = this._turret;
    const reasons = this._reasons();
    const drives = turret.refusal("operator");
    this._start.disabled = drives !== "" || reasons.patrol !== "" || Boolean(turret.state?.patrol?.running);
    this._dwell.disabled = reasons.patrol !== "";
    this._edit.disabled = reasons.edit !== "";
    this._click.disabled = reasons.click !== "" || this._calibration !== null;
    this._forget.disabled = reasons.click !== "";
    this._ahead.disabled = drives !== "";
    setText(this._click, turret.state?.calibrated ? "Set up click to aim anew" : "Set up click to aim");
    setHidden(this._forget, !turret.state?.calibrated);
    setHidden(this._ahead, !turret.state?.pan.net_run_limit_s);
    const saidAbove = ["", drives, this._presets.missing];
    setText(this._why, Object.values(reasons).filter((reason) => !saidAbove.includes(reason)).join(" "));
    setHidden(this._why, !this._why.textContent);
  }

  /** Why something is greyed, "" where it is not. */
  _reasons() {
    const { length } = this._presets.items;
    const greyed = this._turret.roleRefusal("operator") || this._presets.missing;
    return {
      edit: greyed || (length ? "" : "There are no presets to edit yet."),
      patrol: greyed || (length > 1 ? "" : "A patrol needs two presets."),
      click: this._turret.roleRefusal("operator") || (this._presets.missing ? "Click to aim needs a servo, too." : ""),
    };
  }

  _build() {
    const kept = Number(localStorage.getItem(DWELL_KEPT_AS)) || 5;
    this._dwell = make("select", { "aria-label": "Time at each preset" });
    for (const dwellS of DWELLS_S) {
      this._dwell.append(make("option", { value: dwellS, selected: dwellS === kept }, `${dwellS} s each`));
    }
    this._start = button("Start patrol", () => this._startPatrol());
    this._edit = button("Edit presets", () => this._toggleEditor());
    this._edit.setAttribute("aria-expanded", "false");
    this._click = button("", () => this._calibrate());
    this._forget = button("Forget click to aim", () => this._forgetCalibration());
    this._ahead = button("It points straight ahead now", () => {
      this._turret.tell("centre", undefined, { busy: "Noting it.", done: "This is straight ahead now." });
    });
    this._why = make("p", { class: "why" });
    const patrol = make("div", { class: "two" }, this._start, this._dwell);
    this._root.append(patrol, this._edit, this._click, this._forget, this._ahead, this._why);
    this.refresh();
  }

  _startPatrol() {
    const dwell_s = Number(this._dwell.value);
    localStorage.setItem(DWELL_KEPT_AS, String(dwell_s));
    return this._turret.tell("patrol", { dwell_s }, { busy: "Starting the patrol.", done: "The patrol has started." });
  }

  async _toggleEditor() {
    const module = await lazily(import("./preset-edit.js"), this._turret.message);
    if (!module) return;
    if (!this._editor) {
      this._editor = new module.PresetEditor(this._presets, this._turret);
      this._editor.list.hidden = true;
      this._edit.after(this._editor.list);
    }
    setHidden(this._editor.list, !this._editor.list.hidden);
    this._edit.setAttribute("aria-expanded", String(!this._editor.list.hidden));
  }

  async _calibrate() {
    const module = await lazily(import("./calibrate.js"), this._turret.message);
    if (!module || this._calibration) return;
    this._calibration = new module.Calibration(this._frame, this._turret, () => {
      this._calibration = null;
      this.refresh();
      this._click.focus({ preventScroll: true });
    });
    this.refresh();
  }

  /** The old one can be put back as it was. */
  _forgetCalibration() {
    const turret = this._turret;
    return turret.saying({ busy: "Forgetting it." }, async () => {
      const { camera, points } = await turret.ask("GET", "calibration");
      await turret.ask("DELETE", "calibration");
      turret.message.done("A click on the picture does nothing now", () => {
        turret.saying({ done: "Undone." }, () => turret.ask("PUT", "calibration", { camera, points }));
      });
    });
  }
}

function button(text, onclick) {
  return make("button", { type: "button", class: "button", onclick }, text);
}
