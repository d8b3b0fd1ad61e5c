/**
 * Which form of the picture is asked for: chosen by hand and remembered by this browser, or by what the link bears.
 *
 * Automatic, it goes down when far fewer pictures come than are made, or old ones, and up again after some time of
 * steady pictures. A climb that fails doubles that time. The video itself is tried only when one of its pictures came quickly.
 */

/** What the video is asked for with; null are single pictures. */
export const FORMS = { full: "", saver: "scale=1/2&quality=50&fps=10", snapshots: null };
export const NAMES = { auto: "Auto", full: "Full", saver: "Saver", snapshots: "Snapshots" };

const KEPT_AS = "picture-quality";
const SAVER_HZ = 10;
const SILENT_MS = 2000; // nothing at all: the player's own matter, no slow link
const JUDGED_AFTER_MS = 6000;
const TRIAL_JUDGED_AFTER_MS = 3000;
const TRIAL_MS = 30000;
const PATIENCE_MS = [10000, 240000]; // the shortest and the longest
const LATE_MS = { full: 1500, saver: 3000 };
const STEADY_LATE_MS = 700;
const QUICK_SNAPSHOT_MS = 400;
const QUICK_PICTURE_MS = 1000;
const SAVER_SHARE = 1 / 6; // of the bytes of a whole picture; measured 1/4 to 1/9

export class Quality {
  /** @param {Storage} store @param {() => boolean} isSaving the browser is told to spare data */
  constructor(store = localStorage, isSaving = () => navigator.connection?.saveData === true) {
    this._store = store;
    this._isSaving = isSaving;
    const kept = store.getItem(KEPT_AS);
    this.chosen = Object.hasOwn(FORMS, kept) ? kept : "auto";
    this._begin();
  }

  /** full, saver or snapshots. */
  get current() {
    if (this.chosen !== "auto") return this.chosen;
    return this._rung === "full" && this._isSaving() ? "saver" : this._rung;
  }

  /** Why it is not the whole picture, or "". */
  get why() {
    if (this.current === "full") return "";
    if (this.chosen !== "auto") return "you chose it";
    return this._rung === "full" ? "this browser spares data" : "the link is slow";
  }

  get isSlow() {
    return this.chosen === "auto" && this._rung !== "full";
  }

  /** @param {string} name auto, full, saver or snapshots */
  choose(name) {
    this.chosen = name;
    if (name === "auto") this._store.removeItem(KEPT_AS);
    else this._store.setItem(KEPT_AS, name);
    this._begin();
  }

  /**
   * Think about it again; several times a second. `current` may be another one afterwards.
   * @param {Link} link what the connection carries
   * @returns {boolean} first has to be known how long one whole picture takes: `probed`
   */
  judge(nowMs, link) {
    if (this.chosen !== "auto" || this._isProbing) return false;
    if (this._isTooMuch(nowMs, link)) this._down(nowMs, link);
    else if (!this._hasRoom(link)) this._steadyMs = nowMs;
    else this._isProbing = this._isTimeToClimb(nowMs);
    return this._isProbing;
  }

  /** One whole picture took so long, Infinity when it did not come. */
  probed(nowMs, tookMs) {
    if (!this._isProbing) return;
    this._isProbing = false;
    this._steadyMs = nowMs;
    if (tookMs > QUICK_PICTURE_MS) this._wait(true);
    else this._up(nowMs, "full");
  }

  _begin() {
    this._rung = "full";
    this._climbedMs = -Infinity;
    this._steadyMs = Infinity;
    this._isProbing = false;
    this._wait(false);
  }

  /** How long pictures have to be steady before the next climb. */
  _wait(isLonger) {
    this._patienceMs = isLonger ? Math.min(PATIENCE_MS[1], 2 * this._patienceMs) : PATIENCE_MS[0];
  }

  _isTooMuch(nowMs, link) {
    const isTrial = nowMs - this._climbedMs < TRIAL_MS;
    if (link.silentMs > SILENT_MS || link.openForMs < (isTrial ? TRIAL_JUDGED_AFTER_MS : JUDGED_AFTER_MS)) return false;
    if (link.lateMs > LATE_MS[this.current]) return true;
    const { deliveredHz, sourceHz } = link;
    if (this.current === "full") return deliveredHz < Math.min(SAVER_HZ, sourceHz / 2);
    return this.current === "saver" && deliveredHz < 2 && sourceHz > 3 * Math.max(deliveredHz, 1);
  }

  _hasRoom({ deliveredHz, sourceHz, lateMs, tookMs }) {
    if (this.current === "snapshots") return tookMs !== null && tookMs < QUICK_SNAPSHOT_MS;
    return deliveredHz > 0.8 * Math.min(sourceHz, SAVER_HZ) && lateMs < STEADY_LATE_MS;
  }

  /** Climbs from single pictures at once; true when the way up is the whole video, which is probed first. */
  _isTimeToClimb(nowMs) {
    this._steadyMs = Math.min(this._steadyMs, nowMs);
    if (this.current === "full" || nowMs - this._steadyMs < this._patienceMs) return false;
    if (this._rung !== "snapshots") return !this._isSaving();
    this._up(nowMs, this._isSaving() ? "full" : "saver");
    return false;
  }

  /** One step, or both at once where the bytes that came would not make two small pictures a second. */
  _down(nowMs, { bytesPerS, pictureBytes }) {
    const isHopeless = bytesPerS < 2 * SAVER_SHARE * pictureBytes;
    this._rung = this.current === "saver" || isHopeless ? "snapshots" : "saver";
    this._wait(nowMs - this._climbedMs < TRIAL_MS);
    this._steadyMs = Infinity;
  }

  _up(nowMs, rung) {
    this._rung = rung;
    this._climbedMs = nowMs;
    this._steadyMs = Infinity;
  }
}
