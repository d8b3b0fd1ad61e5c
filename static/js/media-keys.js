/** Where a key leads from one tile of the grid. */

/** The tile that an arrow, Home or End leads to, or null. */
export function nextTile(tile, key) {
  const list = tile.parentElement;
  const tiles = [...list.children];
  const index = tiles.indexOf(tile);
  const columns = columnsOf(tiles);
  if (key === "ArrowRight") return tiles[index + 1] ?? day(list, 1)?.[0] ?? null;
  if (key === "ArrowLeft") return tiles[index - 1] ?? day(list, -1)?.at(-1) ?? null;
  if (key === "ArrowDown") return tiles[index + columns] ?? below(tiles, index, columns) ?? same(day(list, 1), 0, index % columns);
  if (key === "ArrowUp") return tiles[index - columns] ?? lastRow(day(list, -1), index % columns);
  if (key === "Home") return tiles[0];
  return key === "End" ? tiles.at(-1) : null;
}

/** The last tile, from the row above a shorter last row. */
function below(tiles, index, columns) {
  const isLastRow = Math.floor(index / columns) === Math.floor((tiles.length - 1) / columns);
  return isLastRow ? null : tiles.at(-1);
}

function lastRow(tiles, column) {
  if (!tiles) return null;
  const columns = columnsOf(tiles);
  return same(tiles, Math.floor((tiles.length - 1) / columns) * columns, column);
}

/** The tile in this column of the row that begins at `start`, or the row's last one. */
function same(tiles, start, column) {
  return tiles ? (tiles[start + column] ?? tiles.at(-1)) : null;
}

/** The tiles of the day before (-1) or after (1), or null. */
function day(list, step) {
  const section = list.parentElement;
  const other = step > 0 ? section.nextElementSibling : section.previousElementSibling;
  return other ? [...other.lastElementChild.children] : null;
}

/** How many tiles stand in a row. */
function columnsOf(tiles) {
  const second = tiles.findIndex((tile) => tile.offsetTop !== tiles[0].offsetTop);
  return second < 0 ? tiles.length : second;
}
