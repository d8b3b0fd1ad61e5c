/** The list of keys. Loaded when it is first wanted. */

import { make } from "./dom.js";

const KEYS = [
  ["Esc", "STOP, also the space bar; closes an open window first"],
  ["W", "and A, S, D or the arrows: aim"],
  ["P", "Photo; with Shift, or the button held, in the camera's full size"],
  ["R", "Record, and end it"],
  ["1", "to 9: go to that preset; held, keep the position there"],
  ["F", "Full screen"],
  ["I", "Information on the picture"],
  ["Q", "Picture quality"],
  ["?", "This list"],
];

/** The list as a window of its own, closed, at the end of the page. */
export function makeHelp() {
  const title = make("h2", { id: "help-title" }, "Keys");
  const close = make("button", { class: "button" }, "Close");
  const rows = KEYS.map(([key, words]) => make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, words)));
  const dialog = make(
    "dialog", { class: "dialog", "data-part": "help", "aria-labelledby": "help-title" },
    make("form", { method: "dialog" }, title, close), make("dl", { class: "keys" }, ...rows),
  );
  document.body.append(dialog);
  return dialog;
}
