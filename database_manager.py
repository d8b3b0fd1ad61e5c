#!/usr/bin/env python3
"""The list of photos, videos and timelapses, from the shell: show it, add and remove, begin a new one, check it.
And, as `database_manager.py accounts`, who may log in.

Opens neither camera nor pins, and works whether or not the program runs.

Exit status: 0 when it was done, 1 when there is no such item, file or person or the check found something, 2 for
a wrong option, name or password, bad settings, or a database that cannot be used.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # Called as ./database_manager.py this is the system's Python, which lacks our packages.
    own = Path(os.environ.get("TURRET_VENV") or Path(__file__).resolve().parent / ".venv").absolute() / "bin" / "python"
    if own.exists() and str(own) != sys.executable:
        os.execv(own, [str(own), *sys.argv])

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from io import TextIOWrapper

import settings as settings_file
from errors import LastAdmin, NameTaken, NoSuchItem, NotPlayable, StoreUnavailable, TurretError
from jobs.upkeep import summary_of
from shell import accounts, looking
from store.accounts import Accounts
from store.anew import new_database
from store.database import Database
from store.folder import MediaFolder
from store.library import MediaLibrary
from store.media import Media, text_of
from store.neighbours import user_of
from store.repair import Repair, Report

HERE = Path(__file__).resolve().parent
DONE, FOUND_SOMETHING, UNUSABLE = 0, 1, 2
NOT_FOUND = (NoSuchItem, NameTaken, NotPlayable, LastAdmin)
PROG = "database_manager.py"
TELL_PERIOD_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    options = _options(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stderr)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        return _run(options)
    except NOT_FOUND as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return FOUND_SOMETHING
    except TurretError as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return UNUSABLE
    except BrokenPipeError:  # `-l | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        print("database_manager.py: stopped; what was done stays", file=sys.stderr)
        return FOUND_SOMETHING


def _run(options: argparse.Namespace) -> int:
    media_dir = None if options.media is None else options.media.absolute()
    path = options.config or HERE / "config.txt"
    overrides = {"server": {"media_dir": media_dir}}
    settings = settings_file.load(path, os.environ, overrides, is_required=options.config is not None)
    manager = Manager(settings.server.media_dir, options.json)
    if options.command == "accounts":
        return manager.accounts(options)
    if options.new:
        return manager.begin_anew(is_sure=options.yes)
    if options.remove is not None:
        return manager.remove(options.remove)
    if options.add is not None:
        return manager.add(options.add)
    return manager.check() if options.command == "check" else manager.show()


class Manager:
    """The commands, over one media folder. Each returns the exit status.

    :param is_json: print JSON instead of text for people.
    """

    def __init__(self, media_dir: Path, is_json: bool) -> None:
        self._is_json = is_json
        self._folder = MediaFolder(media_dir)
        schema = (HERE / "media_schema.sql").read_text(encoding="utf-8")
        self._database = Database(media_dir / "media.db", schema)
        self._library = MediaLibrary(self._database, self._folder, looking.inspect)

    def show(self) -> int:
        """Every item, in the order of their numbers."""
        with self._opened():
            items = self._library.in_order_of_number()
            if self._is_json:
                self._say({"items": [_facts_of(media) for media in items]}, "")
                return DONE
            for media in items:
                print(_line_of(media))
        sys.stdout.flush()
        return DONE

    def add(self, filename: str) -> int:
        """A row for a file in the media folder."""
        with self._opened():
            media = self._library.adopt(filename)
        self._say(_facts_of(media), f"added: {_line_of(media).strip()}")
        return DONE

    def remove(self, filename: str) -> int:
        """Row and file away, protected or not."""
        with self._opened():
            media = self._library.by_name(filename)
            if media is None:
                raise NoSuchItem(f"there is no item {filename!r} in the library; -l lists them")
            self._library.remove([media.id])
        self._say({"removed": media.filename}, f"removed: {_printable(media.filename)}, row and file")
        return DONE

    def begin_anew(self, is_sure: bool) -> int:
        """An empty list; makes the database when there is none."""
        if not self._database.path.exists():
            return self._make_first()
        with self._opened():
            count = sum(total.count for total in self._library.totals().values())
            if not is_sure and not _agrees_to_forget(count):
                print("database_manager.py: nothing was changed", file=sys.stderr)
                return UNUSABLE
            done = new_database(self._database, self._library)
        self._say(
            {"forgotten": done.forgotten, "copy": str(done.copy)},
            f"{done.forgotten} items forgotten, their files kept; the database as it was is {done.copy}",
        )
        return DONE

    def check(self) -> int:
        """Rows and files made to agree again."""
        neighbour = user_of(self._database.path)
        with self._opened(is_to_rescue=neighbour is None):
            if neighbour is None:
                looking.salvage(self._library)
            report = Repair(self._library, looking.inspect, _Progress(), is_shared=neighbour is not None).run()
        rescued = self._database.rescued
        self._say(
            {**asdict(report), "rescued": rescued}, "\n".join([*([rescued] if rescued else []), _words_of(report)])
        )
        return DONE if report.is_clean and rescued is None else FOUND_SOMETHING

    def accounts(self, options: argparse.Namespace) -> int:
        """Who may log in."""
        with self._opened():
            accounts.People(Accounts(self._database), self._is_json).run(options)
        return DONE

    def _make_first(self) -> int:
        self._folder.check_mounted()
        self._database.open()
        self._database.close()
        self._say({"forgotten": 0, "copy": None}, f"made {self._database.path}; the first start makes the account")
        return DONE

    @contextmanager
    def _opened(self, is_to_rescue: bool = False) -> Iterator[None]:
        """The database, open; it is never made here, for a wrong --media would make one anywhere."""
        path = self._database.path
        self._folder.check_mounted()
        if not path.exists():
            raise StoreUnavailable(
                f"there is no database {path}; the first start of the program makes it, and so does -n"
            )
        self._database.open(is_to_rescue)
        try:
            yield
        finally:
            self._database.close()

    def _say(self, facts: dict[str, object], text: str) -> None:
        print(json.dumps(facts, indent=1) if self._is_json else text, flush=True)


class _Progress:
    """Says on standard error how far the check is: in place on a terminal, else once a second on a line of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = clock()
        self._ends = ("\r", "\n") if sys.stderr.isatty() else ("\n", "\n")

    def __call__(self, done: int, total: int) -> None:
        is_last = done == total
        if is_last or self._clock() - self._told_at >= TELL_PERIOD_S:
            self._told_at = self._clock()
            print(f"checked {done} of {total} files", end=self._ends[is_last], file=sys.stderr, flush=True)


def _agrees_to_forget(count: int) -> bool:
    """Say what is lost and what is kept, and ask; nobody to ask is a no."""
    print(
        f"This forgets all {count} items of the library: their protection, dates given by hand, and who made them.\n"
        "Kept are all files, the accounts, presets and settings, and a copy of the database as it is now.\n"
        "The next start, or `database_manager.py check`, makes rows for the files again.",
        file=sys.stderr,
    )
    if not sys.stdin.isatty():
        print("Say --yes if that is what you want.", file=sys.stderr)
        return False
    print("Type yes to go on: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"


def _words_of(report: Report) -> str:
    """What was done, and to which files."""
    words = {"added": report.added, "goes on its day": report.expiring, "lost": report.lost,
             "set aside": report.aside, "finished": report.finished, "left alone": report.left}  # fmt: skip
    lines = [f"  {word}: {_printable(name)}" for word, names in words.items() for name in names]
    return "\n".join([f"{report.checked} files checked: {summary_of(report)}", *lines])


def _line_of(media: Media) -> str:
    marks = [*(["protected"] if media.protected else []), *([] if media.ready else ["not a film yet"])]
    marks += [] if media.parent_id is None else [f"copy of {media.parent_id}"]
    when = f"{media.date.astimezone():%Y-%m-%d %H:%M:%S}"
    size = f"{media.size_bytes / 10**6:9.2f} MB"
    end = f"  ({', '.join(marks)})" if marks else ""
    return f"{media.id:6}  {when}  {media.kind:9} {size}  {_printable(media.filename)}{end}"


def _facts_of(media: Media) -> dict[str, object]:
    expires_at = None if media.expires_at is None else text_of(media.expires_at)
    return {**asdict(media), "date": text_of(media.date), "expires_at": expires_at}


def _printable(name: str) -> str:
    """A file name that cannot play tricks on a terminal."""
    return name if name.isprintable() else ascii(name)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What stands on the command line; `command` is "accounts", "check" or None."""
    common = argparse.ArgumentParser(prog=PROG, add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON instead of text")
    common.add_argument("--media", type=Path, metavar="DIR", help="the media folder ([server] media_dir)")
    common.add_argument("--config", type=Path, metavar="FILE", help="settings file (default: config.txt beside this)")
    known, rest = common.parse_known_args(arguments)
    if rest[:1] == ["accounts"]:
        known.command = "accounts"
        return accounts.parser(PROG, common).parse_args(rest[1:], known)
    return _parser(common).parse_args(arguments)


def _parser(common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG,
        description=__doc__,
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"`{PROG} accounts --help`: who may log in.",
    )
    command = parser.add_mutually_exclusive_group(required=True)
    command.add_argument("-l", "--list", action="store_true", help="list every item")
    command.add_argument("-a", "--add", metavar="NAME", help="add a file that lies in the media folder")
    command.add_argument("-r", "--remove", metavar="NAME", help="remove an item and its file")
    command.add_argument("-n", "--new", action="store_true", help="begin a new list: forget all items, keep all files")
    command.add_argument("command", nargs="?", choices=["check"], help="check: make rows and files agree again")
    parser.add_argument("--yes", action="store_true", help="do not ask before -n")
    return parser


if __name__ == "__main__":
    sys.exit(main())
