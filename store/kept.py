"""One text that is kept over restarts, for whoever needs no more of the database than that."""

from __future__ import annotations

from dataclasses import dataclass

from store.database import Database


@dataclass(frozen=True)
class Kept:
    """What is kept under `key`. Any thread.

    :ivar is_quiet: with a database that cannot be written, nothing is kept and nobody is told.
    """

    database: Database
    key: str
    is_quiet: bool = False

    def load(self) -> str | None:
        """What was kept last, or None.

        :raises StoreUnavailable: when SQLite fails.
        """
        return self.database.setting(self.key)

    def keep(self, text: str | None) -> None:
        """Keep a text from now on; None forgets.

        :raises StoreUnavailable: when it cannot be written.
        """
        if self.is_quiet and self.database.is_read_only:
            return
        if text is None:
            self.database.forget_setting(self.key)
        else:
            self.database.keep_setting(self.key, text)
