/** The database page: wires table, repair, files and the new database together. */

import { leaveIfLoggedOut, StateFeed } from "./api.js";
import { FilesTask } from "./database-files.js";
import { NewTask } from "./database-new.js";
import { RepairTask } from "./database-repair.js";
import { Table } from "./database-table.js";
import { followVisibility, partOf } from "./dom.js";
import { closeMenuOutside } from "./menu.js";
import { Message } from "./message.js";

const root = partOf(document, "database");
const settings = JSON.parse(root.dataset.settings);
const message = new Message(partOf(document, "toast"));
const table = new Table(partOf(root, "rows"), settings.api, message, partOf(document, "confirm"));
const files = new FilesTask(partOf(root, "files"), settings.api, message);
new RepairTask(partOf(root, "repair"), settings.api, message);
new NewTask(partOf(root, "new"), settings.api, message);
let revision = settings.revision;

const feed = new StateFeed(settings.events, (state) => {
  if (state.media.revision === revision) return;
  revision = state.media.revision;
  table.reload();
  files.reload();
}, () => leaveIfLoggedOut(`${settings.api}/media/summary`, settings.login));

closeMenuOutside(partOf(document, "menu"));
followVisibility((isSeen) => (isSeen ? feed.open() : feed.close()));
