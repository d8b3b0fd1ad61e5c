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
const RATE_LEAST = 3;
const RATE_LONGEST_MS = 10000;
const LINK_WINDOW_MS = 6000;
const SMOOTH_SHARE = 0.15; // of each half second: some three seconds

/**
 * What a connection carries, as `Quality` judges it.
 * @typedef {object} Link
 * @property {number} openForMs, silentMs since the connection began; since anything came
 * @property {number} deliveredHz, sourceHz pictures a second that came, and that the camera made meanwhile
 * @property {number} lateMs how much older pictures are than the youngest one that came over this connection
 * @property {number} bytesPerS, pictureBytes what came, and how much of it one picture takes; Infinity when none came whole
 * @property {number | null} tookMs how long single pictures took to come; null for video
 */

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
    this._leastAgeMs = Infinity;
    this.openedMs = nowMs;
    this.lastBytesMs = nowMs;
    this.rateBytes = 0;
    this._meanBytes = null;
    this._bytesSinceTick = 0;
    this._tickMs = nowMs;
  }

  bytes(count, nowMs) {
    this._bytesSinceTick += count;
    this.lastBytesMs = nowMs;
  }

  /** A part came: its number in the server's count and its capture time (Unix ms); single ones know how long they took. */
  arrived(number, capturedMs, nowMs, sizeBytes = 0, tookMs = null) {
    if (this._lastNumber !== null && number > this._lastNumber) this.missed += number - this._lastNumber - 1;
    this._lastNumber = number;
    this._arrived.add({ number, capturedMs, atMs: nowMs, sizeBytes, tookMs });
  }

  shown(ageMs, nowMs) {
    this._shown.add({ ageMs, atMs: nowMs });
    if (ageMs < this._leastAgeMs) this._leastAgeMs = ageMs;
  }

  /** Bytes per second since the last call. */
  tick(nowMs) {
    this.rateBytes = (this._bytesSinceTick * 1000) / Math.max(1, nowMs - this._tickMs);
    this._meanBytes ??= this.rateBytes;
    this._meanBytes += SMOOTH_SHARE * (this.rateBytes - this._meanBytes);
    this._bytesSinceTick = 0;
    this._tickMs = nowMs;
  }

  /** Pictures shown per second, lately; null while fewer than two were. It falls while none come. */
  rateHz(nowMs) {
    const entries = this._shown.filter((entry) => nowMs - entry.atMs <= RATE_LONGEST_MS);
    const count = entries.filter((entry) => nowMs - entry.atMs <= RATE_WINDOW_MS).length;
    const lately = entries.slice(-Math.max(count, RATE_LEAST));
    if (lately.length < 2) return null;
    const [firstMs, lastMs] = [lately[0].atMs, last(lately).atMs];
    return Math.min(perSecond(lately.length - 1, lastMs - firstMs), perSecond(lately.length, nowMs - firstMs));
  }

  /** Mean age of the pictures of the last half second when they were drawn, else of the last one, ms; null when unknown. */
  ageMs(nowMs) {
    const known = this._shown.filter((entry) => nowMs - entry.atMs <= RATE_LONGEST_MS && Number.isFinite(entry.ageMs));
    const lately = known.filter((entry) => nowMs - entry.atMs <= 600);
    return mean((lately.length ? lately : known.slice(-1)).map((entry) => entry.ageMs));
  }

  /** @param {number | null} cameraHz what the camera is set to; used until two pictures came. @returns {Link} */
  link(nowMs, cameraHz) {
    const lately = this._arrived.filter((entry) => nowMs - entry.atMs <= LINK_WINDOW_MS);
    const windowMs = Math.min(LINK_WINDOW_MS, nowMs - this.openedMs);
    const ageMs = this.ageMs(nowMs);
    return {
      openForMs: nowMs - this.openedMs,
      silentMs: nowMs - this.lastBytesMs,
      deliveredHz: lately.length < 2 ? lately.length / (windowMs / 1000) : perSecond(lately.length - 1, nowMs - lately[0].atMs),
      sourceHz: sourceRate(lately) ?? cameraHz ?? 0,
      lateMs: ageMs === null || this._leastAgeMs === Infinity ? 0 : ageMs - this._leastAgeMs,
      bytesPerS: this._meanBytes ?? 0,
      pictureBytes: mean(lately.map((entry) => entry.sizeBytes)) ?? Infinity,
      tookMs: mean(lately.filter((entry) => entry.tookMs !== null).map((entry) => entry.tookMs)),
    };
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

function mean(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

function perSecond(count, durationMs) {
  return durationMs > 0 ? (count * 1000) / durationMs : null;
}
