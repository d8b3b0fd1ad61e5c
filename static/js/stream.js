/** How pictures come here: one endless stream; `snapshots.js` is the way for very slow links. */

import { explain, retryAfterS } from "./api.js";
import { boundaryOf, MultipartParser } from "./multipart.js";

/**
 * Why pictures stopped coming. `kind` is ended, lost, full, login or refused; `text` a sentence for people,
 * `retryS` the server's wish when to come again, or null.
 * @typedef {{kind: string, text: string, retryS: number | null}} Outcome
 */

/**
 * Read the stream until it ends, fails or `signal` aborts. Never throws.
 * @param {{onOpen: (rendition: string | null) => void, onBytes: (count: number) => void, onPart: (part: Part) => void}} listener
 * @returns {Promise<Outcome>}
 */
export async function readStream(url, signal, listener) {
  try {
    const answer = await fetch(url, { cache: "no-store", signal });
    if (!answer.ok) return await refusal(answer);
    const boundary = boundaryOf(answer.headers.get("Content-Type"));
    if (boundary === null) return lost("The server sent something that is no video.");
    listener.onOpen(answer.headers.get("X-Rendition"));
    await pump(answer.body.getReader(), new MultipartParser(boundary, listener.onPart), listener.onBytes);
    return { kind: "ended", text: "The server ended the stream.", retryS: null };
  } catch (error) {
    return lost(error instanceof RangeError ? `The stream is broken: ${error.message}.` : "The server does not answer.");
  }
}

async function pump(reader, parser, onBytes) {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || parser.isEnded) return;
      onBytes(value.length);
      parser.push(value);
    }
  } finally {
    reader.cancel().catch(() => {}); // the connection may be gone already; nothing else to free
  }
}

/** Seconds to wait before try number `attempt` (0, 1, ...): 0.5, 1, 2 .. 10. */
export function backoffS(attempt) {
  return Math.min(10, 0.5 * 2 ** attempt);
}

/** What an answer that is no picture means. @returns {Promise<Outcome>} */
export async function refusal(answer) {
  const text = await explain(answer);
  if (answer.status === 401) return { kind: "login", text, retryS: null };
  const kind = answer.status === 503 ? "full" : "refused";
  return { kind, text, retryS: retryAfterS(answer) };
}

/** @returns {Outcome} */
export function lost(text) {
  return { kind: "lost", text, retryS: null };
}
