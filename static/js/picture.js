/** What the live page and the view-only page share: player, stage, and rest while nobody looks. */

import { partOf } from "./dom.js";
import { Player } from "./live.js";
import { isScreenPossible } from "./screen.js";
import { Stage } from "./stage.js";

/**
 * Set up the picture inside `root` and resolve to its player, not started yet.
 * @param {HTMLElement} root marked data-part="player", carries the addresses
 * @param {(view: View, player: Player) => void} onView beside the stage
 * @param {() => void} onLoggedOut
 */
export async function openPicture(root, onView, onLoggedOut) {
  const canvas = partOf(root, "canvas");
  let phase = "";
  const stage = new Stage(root, {
    onAction: () => (phase === "login" ? onLoggedOut() : player.tryNow()),
  });
  const listener = {
    onShape: (ratio) => (stage.ratio = ratio),
    onView: (view, sender) => {
      phase = sender.phase;
      if (sender.camera) stage.name = sender.camera.name;
      stage.show(view, sender.capturedMs);
      onView(view, sender);
    },
  };
  const Kind = isScreenPossible ? Player : (await import("./plain.js")).PlainPlayer;
  const player = new Kind(root, canvas, listener);
  canvas.hidden = false;
  return player;
}
