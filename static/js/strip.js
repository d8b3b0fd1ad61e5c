/** Strip 2: how the picture is, who watches, and what is wrong. Changes are spoken once they last. */

import { partOf, setData, setHidden, setText } from "./dom.js";
import { lengthText } from "./media-words.js";
import { driverText, patrolText } from "./turret.js";
import { sentence } from "./words.js";

const SPEAK_AFTER_MS = 800;

export class Strip {
  constructor(root) {
    this._health = partOf(root, "health");
    this._word = partOf(root, "health-word");
    this._figures = partOf(root, "health-figures");
    this._viewers = partOf(root, "viewers");
    this._camera = partOf(root, "camera");
    this._test = partOf(root, "test");
    this._rec = partOf(root, "rec");
    this._safety = partOf(root, "safety");
    this._mark = partOf(document, "safety-mark");
    this._driver = partOf(root, "driver");
    this._patrol = partOf(root, "patrol-chip");
    this._simulated = partOf(root, "simulated");
    this._spokenSafety = partOf(root, "spoken-safety");
    this._spoken = partOf(root, "spoken");
    this._sayNext = "";
    this._timer = 0;
    setHidden(this._health, false);
  }

  /** @param {View} view of the player */
  showView(view) {
    setData(this._health, "tone", view.tone);
    setText(this._word, view.word);
    setText(this._figures, view.figures);
    this._speak(view.spoken);
  }

  /** @param {object} state as in /api/status */
  showState({ camera, viewers }) {
    const isFull = viewers.watching >= viewers.max;
    setText(this._viewers, isFull ? `${viewers.watching} of ${viewers.max} watching` : `${viewers.watching} watching`);
    setHidden(this._viewers, false);
    setText(this._camera, cameraText(camera));
    setData(this._camera, "tone", camera.state === "failed" ? "bad" : "quiet");
    setHidden(this._camera, cameraText(camera) === "");
    setHidden(this._test, camera.kind !== "synthetic");
  }

  /** @param {Turret} turret; called several times a second for what counts down */
  showTurret(turret) {
    const { state } = turret;
    const isArmed = state?.trigger.armed ?? false;
    for (const chip of [this._safety, this._mark]) {
      setText(chip, isArmed ? `ARMED ${Math.ceil(turret.armedForS)} s` : "SAFE");
      setData(chip, "tone", isArmed ? "armed" : "safe");
      setHidden(chip, state === null || state.trigger.reason !== null);
    }
    if (state && (isArmed || this._spokenSafety.textContent)) setText(this._spokenSafety, isArmed ? "Armed." : "Safe.");
    setText(this._driver, driverText(turret));
    setHidden(this._driver, driverText(turret) === "");
    setData(this._driver, "mine", String(turret.isMine));
    setText(this._patrol, patrolText(turret));
    setHidden(this._patrol, patrolText(turret) === "");
    setHidden(this._simulated, !state?.simulated);
  }

  /** @param {number | null} lengthS of what is being recorded */
  showRecording(lengthS) {
    setHidden(this._rec, lengthS === null);
    if (lengthS !== null) setText(this._rec, `REC ${lengthText(Math.floor(lengthS))}`);
  }

  /** We do not know any more who watches. */
  forgetState() {
    setHidden(this._viewers, true);
  }

  _speak(text) {
    if (text === this._sayNext) return;
    this._sayNext = text;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => setText(this._spoken, text), SPEAK_AFTER_MS);
  }
}

/** Nothing while all is well: a health light that appears only when there is a problem. */
function cameraText(camera) {
  if (camera.state === "starting") return "Camera starting";
  return camera.state === "failed" ? `Camera: ${sentence(camera.reason ?? "it gives no picture")}` : "";
}
