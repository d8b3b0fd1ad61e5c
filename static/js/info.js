/** The information box: what is known of camera, picture and connection, refreshed while it is open. */

import { partOf, setText } from "./dom.js";
import { ageText, rateText } from "./words.js";

const UNKNOWN = "–";

export class Info {
  /** @param {HTMLElement} root @param {Player} player */
  constructor(root, player) {
    this._root = root;
    this._player = player;
  }

  /** Several times a second; costs nothing while it is closed. */
  refresh() {
    if (this._root.hidden) return;
    for (const [name, text] of Object.entries(factsOf(this._player))) setText(partOf(this._root, name), text);
  }
}

function factsOf({ camera, meter, screen, canvas, phase }) {
  const nowMs = performance.now();
  const [rateHz, ageMs] = [meter.rateHz(nowMs), meter.ageMs(nowMs)];
  const cameraRate = camera?.rate_hz ? ` of ${rateText(camera.rate_hz)}` : "";
  return {
    "info-camera": camera?.name ?? UNKNOWN,
    "info-size": `${canvas.width} × ${canvas.height}`,
    "info-format": camera?.pixel_format || UNKNOWN,
    "info-rate": rateHz === null ? UNKNOWN : `${rateText(rateHz)}${cameraRate} /s`,
    "info-age": ageMs === null ? UNKNOWN : ageText(ageMs),
    "info-dropped": `${meter.missed} on the way, ${screen.skipped + screen.broken} here`,
    "info-connection": `${connection(phase)}${phase === "paused" ? "" : `, ${throughput(meter.rateBytes)}`}`,
  };
}

function connection(phase) {
  return { video: "video", snapshots: "single pictures", waiting: "cut off" }[phase] ?? phase;
}

/** 24 Mbit/s, 310 kbit/s */
function throughput(bytesPerSecond) {
  const kilobits = (bytesPerSecond * 8) / 1000;
  return kilobits < 1000 ? `${Math.round(kilobits)} kbit/s` : `${(kilobits / 1000).toFixed(kilobits < 10000 ? 1 : 0)} Mbit/s`;
}
