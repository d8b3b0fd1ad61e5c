"""The store room: the only one that imports sqlite3."""
