/** What the player measures: the server's clock, the rate and age of pictures, what was dropped. Pure but for `probe`. */

const CLOCK_DRIFT_MS_PER_MS = 1e-4; // two bad quartz crystals, 50 ppm each

/**
 * The server's clock, as seen from `performance.now()`.
 * Of all probes the one with the shortest round trip is believed; old ones fade by possible drift.
 */
export class ServerClock {
  constructor() {
    this._best = null;
  }

  /** Take one probe: asked at, answered at (performance.now, ms) and the server's Unix time, ms. */
  add(askedMs, answeredMs, serverMs) {
    const probe = { offsetMs: serverMs - (askedMs + answeredMs) / 2, errorMs: (answeredMs - askedMs) / 2, atMs: answeredMs };
    if (this._best === null || probe.errorMs <= this._errorAt(answeredMs)) this._best = probe;
  }

  /** Forget everything: after a sleep of this machine its clocks may have parted. */
  reset() {
    this._best = null;
  }

  get isKnown() {
    return this._best !== null;
  }

  /** Unix time of the server in ms at `localMs`; NaN while unknown. */
  at(localMs) {
    return this._best === null ? NaN : localMs + this._best.offsetMs;
  }

  _errorAt(localMs) {
    return this._best.errorMs + (localMs - this._best.atMs) * CLOCK_DRIFT_MS_PER_MS;
  }
}

/** Ask the server for its time `count` times, one after the other, and tell the clock. */
export async function probe(clock, url, count, signal) {
  for (let round = 0; round < count; round += 1) {
    const askedMs = performance.now();
    const answer = await fetch(url, { cache: "no-store", signal });
    const answeredMs = performance.now();
    if (!answer.ok) return;
    clock.add(askedMs, answeredMs, (await answer.json()).now * 1000);
  }
}

/** The last `size` values, oldest first; memory never grows. */
class Ring {
  constructor(size) {
    this._values = new Array(size).fill(null);
    this._count = 0;
  }

  add(value) {
    this._values[this._count % this._values.length] = value;
    this._count += 1;
  }

  clear() {
    this._count = 0;
    this._values.fill(null);
  }

  /** Those for which `isWanted` holds, oldest first. */
  filter(isWanted) {
    const found = [];
    for (let index = Math.max(0, this._count - this._values.length); index < this._count; index += 1) {
      const value = this._values[index % this._values.length];
      if (isWanted(value)) found.push(value);
    }
    return found;
  }
}

const RATE_WINDOW_MS = 2000;
const SLOW_WINDOW_MS = 6000;
const SLOW_RATE_HZ = 2;
const FAR_HIGHER = 3;

/** Counts what arrives and what is shown since the last `restart`. All times are performance.now() ms. */
export class Meter {
  constructor() {
    this._arrived = new Ring(512);
    this._shown = new Ring(256);
    this.missed = 0;
    this.restart(0);
  }

  /** A new connection: what comes next is not compared with what came before. */
  restart(nowMs) {
    this._arrived.clear();
    this._shown.clear();
    this._lastNumber = null;
    this.openedMs = nowMs;
    this.lastBytesMs = nowMs;
    this.rateBytes = 0;
    this._bytesSinceTick = 0;
    this._tickMs = nowMs;
  }

  bytes(count, nowMs) {
    this._bytesSinceTick += count;
    this.lastBytesMs = nowMs;
  }

  /** A part came: its number in the server's count and its capture time (Unix ms). */
  arrived(number, capturedMs, nowMs) {
    if (this._lastNumber !== null && number > this._lastNumber) this.missed += number - this._lastNumber - 1;
    this._lastNumber = number;
    this._arrived.add({ number, capturedMs, atMs: nowMs });
  }

  shown(ageMs, nowMs) {
    this._shown.add({ ageMs, atMs: nowMs });
  }

  /** Bytes per second since the last call. */
  tick(nowMs) {
    this.rateBytes = (this._bytesSinceTick * 1000) / Math.max(1, nowMs - this._tickMs);
    this._bytesSinceTick = 0;
    this._tickMs = nowMs;
  }

  /** Pictures shown per second, lately; null while fewer than two were. */
  rateHz(nowMs) {
    const lately = this._shown.filter((entry) => nowMs - entry.atMs <= RATE_WINDOW_MS);
    return lately.length < 2 ? null : perSecond(lately.length - 1, last(lately).atMs - lately[0].atMs);
  }

  /** Mean age of the pictures of the last half second when they were drawn, ms; null when unknown. */
  ageMs(nowMs) {
    const lately = this._shown.filter((entry) => nowMs - entry.atMs <= 600 && Number.isFinite(entry.ageMs));
    return lately.length ? lately.reduce((sum, entry) => sum + entry.ageMs, 0) / lately.length : null;
  }

  /**
   * True when the link carries under two pictures a second of a source that makes far more.
   * @param {number | null} sourceRateHz what the camera is set to; used until two pictures came.
   */
  isLinkSlow(nowMs, sourceRateHz) {
    if (nowMs - this.openedMs < SLOW_WINDOW_MS || nowMs - this.lastBytesMs > RATE_WINDOW_MS) return false;
    const lately = this._arrived.filter((entry) => nowMs - entry.atMs <= SLOW_WINDOW_MS);
    const deliveredHz = (lately.length * 1000) / SLOW_WINDOW_MS;
    const sourceHz = sourceRate(lately) ?? sourceRateHz ?? 0;
    return deliveredHz < SLOW_RATE_HZ && sourceHz > FAR_HIGHER * Math.max(deliveredHz, 1);
  }
}

/** Pictures per second the source made, from the numbers and times of those that arrived. */
function sourceRate(entries) {
  if (entries.length < 2) return null;
  const [first, newest] = [entries[0], last(entries)];
  return perSecond(newest.number - first.number, newest.capturedMs - first.capturedMs);
}

function last(entries) {
  return entries[entries.length - 1];
}

function perSecond(count, durationMs) {
  return durationMs > 0 ? (count * 1000) / durationMs : null;
}
