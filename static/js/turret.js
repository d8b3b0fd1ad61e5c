/** What the panels share: the state as the server said it last, who we are, and the commands. */

import { send } from "./api.js";

const ROLES = ["viewer", "operator", "gunner", "admin"];
const AXES = ["pan", "tilt"];
const BUSY_AFTER_MS = 50; // an answer within 100 ms, whatever the network does

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
    this._stops = 0;
    this._sayings = 0;
  }

  /** @param {object | null} state `turret` of /api/status; null while we are cut off. One that grew old on its way is none. */
  take(state) {
    if (state?.at_s < this.state?.at_s) return;
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

  /** Seconds until an armed trigger is safe again at the latest. */
  get armedForS() {
    const { trigger } = this.state;
    return trigger.armed ? this.leftS(trigger.armed_for_s) : 0;
  }

  /** Axes that know where they point. */
  get servos() {
    return AXES.filter((name) => this.state?.[name].kind === "servo");
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

  /**
   * Send a command and take over the state it answers; throws why not. One that was under way when STOP was sent may
   * have come after it, so STOP follows once more.
   */
  async command(name, body, { method = "POST", keepalive = false } = {}) {
    if (name === "stop") this._stops += 1;
    const stops = this._stops;
    try {
      this.take(await this.ask(method, name, body, keepalive));
    } finally {
      if (stops !== this._stops && name !== "stop") await this.tell("stop");
    }
  }

  /** Take over the state of this moment, which the feed may tell a little later; throws why not. */
  async look() {
    this.take(await send("GET", this._url));
  }

  /** Ask for something below the turret's address; the answer as it came, or throws why not. */
  ask(method, name, body, keepalive) {
    return send(method, `${this._url}/${name}`, body, keepalive);
  }

  /**
   * Send a command and say how it went; true when it was done.
   * @param {{busy?: string, done?: string, method?: string, keepalive?: boolean}} options what to say while no answer
   *   came, and after it; a refusal is always said
   */
  tell(name, body, options = {}) {
    return this.saying(options, () => this.command(name, body, options));
  }

  /** Do anything that may be refused, and say how it went; true when it was done. What was begun later has the word. */
  async saying({ busy = "", done = "" }, act) {
    const number = busy || done ? (this._sayings += 1) : 0;
    const say = (words) => number === this._sayings && this.message.done(words);
    const timer = busy && setTimeout(() => say(busy), BUSY_AFTER_MS);
    try {
      await act();
      if (done) say(done);
      return true;
    } catch (error) {
      this.message.say(error.message);
      return false;
    } finally {
      clearTimeout(timer);
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

/** "patrol to Door", "patrol at Door 4 s", "patrol waits 9 s", or "" while there is none. */
export function patrolText(turret) {
  const patrol = turret.state?.patrol;
  if (!patrol?.running) return "";
  const leftS = patrol.paused ? patrol.resumes_in_s : patrol.seconds_left;
  const left = leftS === null ? "" : ` ${Math.ceil(turret.leftS(leftS))} s`;
  if (patrol.paused) return `patrol waits${left}`;
  return `patrol ${left ? "at" : "to"} ${patrol.preset_name}${left}`;
}

/** True where a key is meant for what has the focus. */
export function isTyping(target, isRangeToo = true) {
  const field = target.closest?.("input, textarea, select, [contenteditable]");
  return Boolean(field) && (isRangeToo || field.type !== "range");
}
