/**
 * Hold to move: while anything is held the wanted speed is renewed ten times a second. One request at a time, the
 * newest wish wins; the server ends a motion that nobody renews.
 */

const PERIOD_MS = 100;
const AXES = ["pan", "tilt"];

export class Drive {
  /** @param {Turret} turret */
  constructor(turret) {
    this.onChange = () => {};
    this._turret = turret;
    this._holds = new Map();
    this._moving = new Set();
    this._isRunning = false;
    this._hurry = () => {};
  }

  get isHeld() {
    return this._holds.size > 0;
  }

  isHolding(source) {
    return this._holds.has(source);
  }

  /** @param {string} source what is held @param {{pan?: number, tilt?: number}} speeds shares of the top speed, -1..1 */
  hold(source, speeds) {
    const held = this._holds.get(source);
    if (held && AXES.every((axis) => held[axis] === speeds[axis])) return;
    this._holds.set(source, speeds);
    this._run();
  }

  release(source) {
    if (this._holds.delete(source)) this._run();
  }

  /** Something came between hand and button: let go of everything, and stop if anything was held. */
  abandon() {
    if (this.isHeld) this.stop();
  }

  /** STOP, whoever drives; also while this page goes away. @param {object} words as for `Turret.tell` */
  stop(words) {
    this._letGo();
    return this._turret.tell("stop", undefined, { keepalive: true, ...words });
  }

  _letGo() {
    this._holds.clear();
    this._moving.clear();
    this.onChange();
    this._hurry();
  }

  async _run() {
    this.onChange();
    this._hurry();
    if (this._isRunning) return;
    this._isRunning = true;
    while (this._isWanted()) {
      await this._ask(this._wish());
      if (this._isWanted()) await this._pause();
    }
    this._isRunning = false;
  }

  _isWanted() {
    return this.isHeld || this._moving.size > 0;
  }

  /** The speed that is wanted now, -1..1, or null when nothing of this axis is held. */
  speedOf(axis) {
    const speeds = [...this._holds.values()].map((hold) => hold[axis]).filter((speed) => speed !== undefined);
    return speeds.length ? Math.max(-1, Math.min(1, speeds.reduce((sum, speed) => sum + speed))) : null;
  }

  /** Speeds of what is held; 0 once for an axis that was let go. */
  _wish() {
    const wish = {};
    for (const axis of AXES) {
      const speed = this.speedOf(axis);
      if (speed !== null || this._moving.has(axis)) wish[axis] = speed ?? 0;
    }
    this._moving = new Set(AXES.filter((axis) => wish[axis]));
    return wish;
  }

  /** A refusal ends the hold: whoever wants to go on has to press again. */
  async _ask(wish) {
    try {
      await this._turret.command("drive", wish);
    } catch (error) {
      if (this.isHeld) this._turret.message.say(error.message);
      this._letGo();
    }
  }

  /** Until the next renewal is due, or the wish changes. */
  _pause() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PERIOD_MS);
      this._hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
