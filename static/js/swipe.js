/** A finger that draws sideways: what it holds follows, and when it went far enough it is a turn. */

const FAR_PX = 60;
const FILM_CONTROLS_PX = 80;

/**
 * @param {HTMLElement} area where a swipe begins @param {HTMLElement} held what follows the finger
 * @param {(step: number) => void} onSwipe 1 for drawing to the left, -1 to the right
 */
export function followSwipes(area, held, onSwipe) {
  let from = null;
  const end = (step) => {
    from = null;
    held.style.transform = "";
    if (step) onSwipe(step);
  };
  area.addEventListener("pointerdown", (event) => {
    from = event.pointerType === "mouse" || !event.isPrimary || isTaken(event, held) ? null : event;
  });
  area.addEventListener("pointermove", (event) => {
    if (from?.pointerId === event.pointerId) held.style.transform = `translateX(${event.clientX - from.clientX}px)`;
  });
  area.addEventListener("pointerup", (event) => {
    if (from?.pointerId !== event.pointerId) return;
    const distance = event.clientX - from.clientX;
    end(Math.abs(distance) < FAR_PX ? 0 : -Math.sign(distance));
  });
  area.addEventListener("pointercancel", () => end(0));
}

/** A zoomed photo scrolls, and a film's controls have a slider. */
function isTaken(event, held) {
  if (held.classList.contains("is-zoomed") || event.target.closest("button, a")) return true;
  const film = event.target.closest("video")?.getBoundingClientRect();
  return Boolean(film) && event.clientY > film.bottom - FILM_CONTROLS_PX;
}
