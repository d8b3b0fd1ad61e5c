/** The player, fetched with its style sheet when an item is opened for the first time. */

import { partOf, styled } from "./dom.js";
import { Player } from "./media-player.js";

/**
 * @param {string} panels where parts of pages are fetched from @param {Library} library
 * @param {string} refusal why nothing may be changed, or "" @param {object} page as Player wants it
 */
export async function makePlayer(panels, library, refusal, page) {
  const parts = ["player", "confirm"].filter((name) => !document.querySelector(`dialog.${name}`));
  const styles = styled("player");
  const [, ...found] = await Promise.all([styles, ...parts.map((name) => markupOf(panels + name))]);
  for (const markup of found) document.body.append(...markup.children);
  return new Player(partOf(document, "item"), partOf(document, "confirm"), library, refusal, page);
}

/** A part of a page, ready to be put in. */
export async function markupOf(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error("this part of the page could not be loaded; reload the page");
  return document.createRange().createContextualFragment(await answer.text());
}
