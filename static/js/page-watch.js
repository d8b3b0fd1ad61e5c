/** The view-only page: the picture and nothing else. */

import { followVisibility, partOf } from "./dom.js";
import { openPicture } from "./picture.js";

const root = partOf(document, "player");
const logIn = () => window.open(root.dataset.login, "_blank", "noopener");
const player = await openPicture(root, () => {}, logIn);

// Nobody tells this page when the camera's state changes: only what stays true is taken over.
player.cameraState = { ...JSON.parse(root.dataset.status).camera, state: "live", reason: null };
followVisibility((isSeen) => (isSeen ? player.start() : player.stop()));
