/** Places in the picture, as shares of its width and height from the top left. */

import { make } from "./dom.js";

const RING_MS = 1600;

/** Where in the picture this event happened, or null beside it. @param {Element} screen canvas or img */
export function placeOf(screen, event) {
  const box = pictureBox(screen);
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x, y } : null;
}

/** A ring that shows for a moment what was meant. */
export function showRing(frame, screen, { x, y }) {
  const ring = make("i", { class: "ring" });
  moveTo(ring, frame, screen, { x, y });
  frame.append(ring);
  setTimeout(() => ring.remove(), RING_MS);
}

/** Put an element with its middle on a place of the picture; it stays there when the frame changes its size. */
export function moveTo(element, frame, screen, { x, y }) {
  const [box, outer] = [pictureBox(screen), frame.getBoundingClientRect()];
  element.style.left = `${(100 * (box.left - outer.left + x * box.width)) / outer.width}%`;
  element.style.top = `${(100 * (box.top - outer.top + y * box.height)) / outer.height}%`;
}

/** What `object-fit: contain` leaves of the element's box. */
function pictureBox(screen) {
  const box = screen.getBoundingClientRect();
  const [width, height] = [screen.naturalWidth ?? screen.width, screen.naturalHeight ?? screen.height];
  const scale = Math.min(box.width / width, box.height / height);
  const [left, top] = [(box.width - width * scale) / 2, (box.height - height * scale) / 2];
  return { left: box.left + left, top: box.top + top, width: width * scale, height: height * scale };
}
