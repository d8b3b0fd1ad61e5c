/** The view-only page: the picture and nothing else. */

import { partOf } from "./dom.js";
import { followVisibility, openPicture } from "./picture.js";

const root = partOf(document, "player");
const logIn = () => window.open(root.dataset.login, "_blank", "noopener");
const player = openPicture(root, () => {}, logIn);

followVisibility((isSeen) => (isSeen ? player.start() : player.stop()));
