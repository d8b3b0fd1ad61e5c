"""The media folder: where files lie, how they get there without ever overwriting, and whether there is room.

Nothing here knows of rows. A file appears under its name whole or not at all: it is written under a
temporary name in `partial/`, forced to the disk, and moved onto a name that was claimed empty before.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from errors import StoreUnavailable
from store.media import Kind
from store.mounts import missing_mount

PARTIAL = "partial"
THUMBS = "thumbs"
ASIDE = "set-aside"
TEMPORARY = ".new-"
FOLDERS = (*(kind.folder for kind in Kind), PARTIAL, THUMBS)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Space:
    """Room on the media disk in bytes: all of it, and what we may still use."""

    total_bytes: int
    free_bytes: int


class MediaFolder:
    """The folder at `root`. Any thread may call any method.

    :param fstab: the table of mounts that belong to this machine.
    """

    def __init__(self, root: Path, fstab: Path = Path("/etc/fstab")) -> None:
        self.root = root
        self.partial = root / PARTIAL
        self._fstab = fstab
        self._identity: tuple[int, int] | None = None

    def check_mounted(self) -> None:
        """See whether the disk that belongs here is mounted, before anything is written to the card below it.

        :raises StoreUnavailable: when /etc/fstab names a mount point at or above the folder that is not mounted.
        """
        missing = missing_mount(self.root, self._fstab)
        if missing is not None:
            raise StoreUnavailable(
                f"{missing} is not mounted, but the media folder {self.root} lies there (see {self._fstab}); "
                f"mount it: sudo mount {missing}"
            )

    def open(self) -> None:
        """Make the folders that are missing. A disk that is full or read-only is no reason not to start.

        :raises StoreUnavailable: when the disk that belongs here is not mounted.
        """
        self.check_mounted()
        try:
            self._make()
        except StoreUnavailable as error:
            log.error("%s", error)  # noqa: TRY400 - the sentence says it all

    def check(self) -> None:
        """See whether this is still the folder that was opened.

        :raises StoreUnavailable: when it went away or another file system lies there now.
        """
        if self._identity is None:
            self._make()
        with self.faults("is gone"):
            is_same = self._identity == self._identity_now()
        if not is_same:
            raise StoreUnavailable(
                f"the media folder {self.root} is not the one it was: its disk was unmounted or changed; "
                "mount it again and restart the program"
            )

    def path_of(self, kind: Kind, filename: str) -> Path:
        """Where the file of an item lies."""
        return self.root / kind.folder / filename

    def thumb_of(self, media_id: int) -> Path:
        """Where the small picture of an item lies."""
        return self.root / THUMBS / f"{media_id}.jpg"

    def space(self) -> Space:
        """Room on the disk."""
        with self.faults("cannot be looked at"):
            disk = os.statvfs(self.root)
        return Space(disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize)

    def write_temporary(self, content: bytes, suffix: str) -> Path:
        """A new file in `partial/` with this content, on the disk for good.

        :raises StoreUnavailable: when it cannot be written; nothing stays behind.
        """
        self.check()
        with self.faults("cannot be written"):
            number, name = tempfile.mkstemp(suffix, TEMPORARY, self.partial)
            path = Path(name)
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fchmod(number, 0o644)
                    os.fsync(number)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return path

    def place(self, source: Path, kind: Kind, names: Iterable[str], is_taken: Callable[[str], bool]) -> str:
        """Move `source`, a file on this disk, to the first name that no file bears and `is_taken` does not refuse.

        :raises StoreUnavailable: when it cannot be moved; then it is where it was.
        """
        self.check()
        with self.faults("cannot be written"):
            for name in names:
                target = self.path_of(kind, name)
                if not is_taken(name) and _move(source, target):
                    sync_folder(target.parent)
                    return name
        raise StoreUnavailable(f"no name is left for {source.name}")  # not reached: names have no end

    def copy_to_new_name(self, kind: Kind, old: str, names: Iterable[str], is_taken: Callable[[str], bool]) -> str:
        """Let the file also bear the first of these names that is free; without a second copy where the disk can."""
        self.check()
        source = self.path_of(kind, old)
        with self.faults("cannot be renamed"):
            for name in names:
                target = self.path_of(kind, name)
                if not is_taken(name) and _link(source, target):
                    sync_folder(target.parent)
                    return name
        raise StoreUnavailable(f"no name is left for {old}")  # not reached: names have no end

    def remove(self, relative: str) -> None:
        """Remove a file or folder, named from the root; one that is not there is fine."""
        self.check()
        path = self.root / relative
        with self.faults("cannot be removed"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def remove_old_temporaries(self, before: float) -> None:
        """Remove what `write_temporary` left behind in a power cut.

        :param before: POSIX time; younger files may still be in use.
        """
        with self.faults("cannot be read"):
            for path in self.partial.glob(f"{TEMPORARY}*"):
                with suppress(FileNotFoundError):  # it has got its name meanwhile
                    if path.stat().st_mtime < before:
                        path.unlink()

    def files_of(self, kind: Kind) -> Iterator[os.DirEntry[str]]:
        """The plain files in a kind's folder, in no order; links and hidden files do not count."""
        with self.faults("cannot be read"), os.scandir(self.root / kind.folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    yield entry

    def facts_of(self, kind: Kind) -> Iterator[tuple[str, os.stat_result]]:
        """Name and facts of each of `files_of` that is still there when it is looked at."""
        for entry in self.files_of(kind):
            with suppress(FileNotFoundError):
                yield entry.name, entry.stat(follow_symlinks=False)

    def set_aside(self, path: Path) -> Path:
        """Move a file that is of no use to us out of the way, under its own name; nothing is thrown away."""
        aside = self.root / ASIDE
        with self.faults("cannot be written"):
            aside.mkdir(exist_ok=True)
            for number in range(1, 10**6):
                target = aside / (path.name if number == 1 else f"{number}-{path.name}")
                if _claim(target):
                    try:
                        path.replace(target)
                    except OSError:
                        target.unlink()
                        raise
                    return target
        raise StoreUnavailable(f"no name is left for {path.name}")

    @contextmanager
    def faults(self, what: str) -> Iterator[None]:
        """Turn the system's errors into ours."""
        try:
            yield
        except OSError as error:
            name = error.filename or self.root
            raise StoreUnavailable(f"the media folder {self.root} {what}: {error.strerror}: {name}") from error

    def _make(self) -> None:
        with self.faults("cannot be used"):
            for name in FOLDERS:
                (self.root / name).mkdir(parents=True, exist_ok=True)
            self._identity = self._identity_now()

    def _identity_now(self) -> tuple[int, int]:
        found = self.root.stat()
        return found.st_dev, found.st_ino


def sync_folder(folder: Path) -> None:
    """Force a folder's names to the disk, where the file system can do that."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # vfat and some network disks refuse
            os.fsync(number)
    finally:
        os.close(number)


def _claim(path: Path) -> bool:
    """Make an empty file of that name; False when the name is in use."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return False
    return True


def _move(source: Path, target: Path) -> bool:
    """Move a file within one disk; False when the new name is in use."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except PermissionError:  # vfat and exFAT know no second names
        if not _claim(target):
            return False
        source.replace(target)
        return True
    source.unlink()
    return True


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name, or copy it where the disk knows no second names; False when the name is in use."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except PermissionError:  # vfat, exFAT
        if not _claim(target):
            return False
        try:
            _copy(source, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return True


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())
