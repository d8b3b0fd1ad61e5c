/** Single pictures, one after the other, over a link that bears no video. Loaded when it is needed. */

import { lost, refusal } from "./stream.js";

const SNAPSHOT_PERIOD_MS = 1000;
const SNAPSHOT_PAUSE_MS = 250; // at least, for what else the page wants from the link
const SNAPSHOT_START_PX = 640;
const SNAPSHOT_WIDTHS_PX = [320, 480, 640, 960, 1280];

/**
 * Fetch one scaled picture a second, or fewer over a link that takes longer, until something fails or `signal` aborts.
 * Never throws.
 * @param {string} url of the full picture, ending in "live.jpeg"
 * @param {() => {widthPx: number, ratio: number}} shape of the picture on the screen now, CSS pixels
 * @returns {Promise<Outcome>}
 */
export async function pollSnapshots(url, shape, signal, listener) {
  let tag = "";
  let limitPx = SNAPSHOT_START_PX;
  try {
    for (let isFirst = true; ; isFirst = false) {
      const headers = tag ? { "If-None-Match": tag } : {};
      const askedMs = performance.now();
      const { widthPx, ratio } = shape();
      const answer = await fetch(sizedUrl(url, Math.min(widthPx, limitPx), ratio), { cache: "no-store", signal, headers });
      const isPlaceholder = answer.headers.has("X-Placeholder"); // comes as 503, so that no program takes it for live
      if (!answer.ok && answer.status !== 304 && !isPlaceholder) return await refusal(answer);
      if (isFirst) listener.onOpen(null);
      listener.onBytes(0); // an answer is a sign of life, also that there is nothing new
      if (answer.status !== 304) {
        tag = answer.headers.get("ETag") ?? "";
        const part = await snapshotPart(answer, listener.onBytes);
        const tookMs = performance.now() - askedMs;
        listener.onPart(part, isPlaceholder ? null : tookMs);
        limitPx = nextLimitPx(limitPx, tookMs);
      }
      await pause(Math.max(SNAPSHOT_PAUSE_MS, SNAPSHOT_PERIOD_MS - (performance.now() - askedMs)), signal);
    }
  } catch {
    return lost("The server does not answer.");
  }
}

async function snapshotPart(answer, onBytes) {
  const reader = answer.body.getReader();
  const chunks = [];
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    onBytes(value.length);
    chunks.push(value);
  }
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return { headers: Object.fromEntries(answer.headers), chunks, sizeBytes };
}

/** The address of a picture no wider than needed; few sizes, so that the server makes each once for all. */
export function sizedUrl(url, widthPx, ratio) {
  const width = Math.max(SNAPSHOT_WIDTHS_PX[0], ...SNAPSHOT_WIDTHS_PX.filter((size) => size <= widthPx));
  return url.replace(/live\.jpeg$/, `live${width}x${Math.round(width / ratio)}.jpeg`);
}

/** How wide the next picture may be after the last took `tookMs`: a picture a second matters more than its size. */
export function nextLimitPx(limitPx, tookMs) {
  const index = SNAPSHOT_WIDTHS_PX.indexOf(limitPx) + (tookMs > 1000 ? -1 : tookMs < 300 ? 1 : 0);
  return SNAPSHOT_WIDTHS_PX[Math.min(Math.max(index, 0), SNAPSHOT_WIDTHS_PX.length - 1)];
}

/** Resolves after `durationMs`; rejects when `signal` aborts first. */
function pause(durationMs, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, durationMs);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
