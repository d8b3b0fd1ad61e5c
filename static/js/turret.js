/** What the panels share: the state as the server said it last, who we are, and the commands. */

import { send } from "./api.js";

const ROLES = ["viewer", "operator", "gunner", "admin"];

export class Turret {
  /**
   * @param {string} url of the turret's state; commands lie below it
   * @param {{username: string, role: string}} user who we are
   * @param {Message} message
   * @param {() => void} onChange after every new state
   */
  constructor(url, user, message, onChange) {
    this.user = user;
    this.message = message;
    this.state = null;
    this._url = url;
    this._onChange = onChange;
    this._tookAtMs = 0;
  }

  /** @param {object | null} state `turret` of /api/status; null while we are cut off */
  take(state) {
    this.state = state;
    this._tookAtMs = performance.now();
    this._onChange();
  }

  /** What is left now of seconds that the state named. */
  leftS(seconds) {
    return Math.max(0, seconds - (performance.now() - this._tookAtMs) / 1000);
  }

  get isMine() {
    return this.state?.lease.holder === this.user.username;
  }

  /** Somebody else's name, or null while the controls are free or ours. */
  get otherDriver() {
    return this.isMine ? null : (this.state?.lease.holder ?? null);
  }

  /** Seconds until an armed trigger is safe again: its own time, or the end of the lease it was armed under. */
  get armedForS() {
    const { trigger, lease } = this.state;
    return trigger.armed ? this.leftS(Math.min(trigger.armed_for_s, lease.seconds_left)) : 0;
  }

  /** Why we may not do what needs `role` and the controls; "" when we may. */
  refusal(role) {
    return this.roleRefusal(role) || (this.otherDriver ? `${this.otherDriver} drives.` : "");
  }

  roleRefusal(role) {
    if (this.state === null) return "No connection to the turret.";
    const isHighEnough = ROLES.indexOf(this.user.role) >= ROLES.indexOf(role);
    return isHighEnough ? "" : `Your role is ${this.user.role}; this needs ${role}.`;
  }

  /** Send a command and take over the state it answers; throws why not. */
  async command(name, body, { method = "POST", keepalive = false } = {}) {
    this.take(await send(method, `${this._url}/${name}`, body, keepalive));
  }

  /** The same, but a refusal becomes a message; true when it was done. */
  async tell(name, body, options) {
    try {
      await this.command(name, body, options);
      return true;
    } catch (error) {
      this.message.say(error.message);
      return false;
    }
  }
}

/** 0:14, rounded up */
export function clock(seconds) {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** "you drive 0:14", "anna drives 0:09", or "" while nobody does. */
export function driverText(turret) {
  if (!turret.state?.lease.holder) return "";
  const leftS = turret.leftS(turret.state.lease.seconds_left);
  const who = turret.isMine ? "you drive" : `${turret.otherDriver} drives`;
  return leftS > 0 ? `${who} ${clock(leftS)}` : who;
}

/** True where a key is meant for what has the focus. */
export function isTyping(target, isRangeToo = true) {
  const field = target.closest?.("input, textarea, select, [contenteditable]");
  return Boolean(field) && (isRangeToo || field.type !== "range");
}
