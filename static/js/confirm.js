/** A question before something that cannot be undone. */

import { partOf, setText } from "./dom.js";

/**
 * Ask; answers true when it was confirmed.
 * @param {HTMLDialogElement} dialog
 * @param {{title: string, text: string, yes: string}} words `yes` stands on the button
 */
export function confirmed(dialog, { title, text, yes }) {
  for (const [name, words] of [["title", title], ["text", text], ["yes", yes]]) setText(partOf(dialog, `confirm-${name}`), words);
  dialog.showModal();
  return new Promise((resolve) => {
    const asked = new AbortController();
    const answer = (isYes) => {
      asked.abort();
      resolve(isYes);
    };
    // Not the close event: that comes late, perhaps when the next question is open already.
    dialog.addEventListener("submit", (event) => answer(event.submitter?.value === "yes"), asked);
    dialog.addEventListener("cancel", () => answer(false), asked);
  });
}
