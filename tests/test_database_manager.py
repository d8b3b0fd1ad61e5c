"""database_manager.py: what it prints, what it changes, and the status it ends with."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clips import small_disk
from fakes import ScriptedCamera, basic, wait_until
from library_by_hand import FACTS, files_in, jpeg_of, opened_library

import database_manager
from app import Site
from store.accounts import Accounts, Role
from store.neighbours import user_of

ROOT = Path(__file__).resolve().parent.parent
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ADMIN = {"Authorization": basic()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A media folder with two photos, `cat.jpg` and the protected `dog.jpg`, and an account."""
    root = tmp_path / "media"
    with opened_library(root) as library:
        library.add_photo(jpeg_of(), FACTS, "cat", NOON)
        library.protect([library.add_photo(jpeg_of(), FACTS, "dog", NOON).id])
        Accounts(library.database).add("Ann", "correct horse", Role.ADMIN)
    return root


def shell(*options: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As `run`, in a process of its own."""
    line = [sys.executable, ROOT / "database_manager.py", *options]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, cwd="/", env={**os.environ, **environment})


def names(root: Path) -> list[str]:
    with closing(sqlite3.connect(root / "media.db")) as connection:
        return [row[0] for row in connection.execute("SELECT filename FROM media ORDER BY id")]


def test_list_is_in_the_order_of_numbers_and_marks_what_is_protected(run) -> None:
    status, out, err = run("-l")
    assert (status, err) == (0, "")
    first, second = out.splitlines()
    assert first.split() == ["1", *f"{NOON.astimezone():%Y-%m-%d %H:%M:%S}".split(), "photo", "0.00", "MB", "cat.jpg"]
    assert second.endswith("dog.jpg  (protected)")


def test_list_as_json_has_every_fact(run) -> None:
    status, out, _ = run("--list", "--json")
    first, second = json.loads(out)["items"]
    assert status == 0
    assert (first["id"], first["filename"], first["kind"], first["date"]) == (
        1, "cat.jpg", "photo", "2026-06-01T12:00:00.000Z",
    )  # fmt: skip
    assert second["protected"] is True


def test_copies_name_what_they_were_made_of(run, root: Path) -> None:
    with opened_library(root) as library:
        library.add_photo(jpeg_of(), FACTS, "dog gray", NOON, parent_id=2)
    assert run("-l")[1].splitlines()[-1].endswith("dog gray.jpg  (copy of 2)")
    assert [item["parent_id"] for item in json.loads(run("-l", "--json")[1])["items"]] == [None, None, 2]


def test_name_that_plays_tricks_on_a_terminal_is_shown_harmless(run, root: Path) -> None:
    (root / "photos" / "a\x1b[2Jb.jpg").write_bytes(jpeg_of())
    assert run("-a", "a\x1b[2Jb.jpg")[0] == 0
    out = run("-l")[1]
    assert "\x1b" not in out
    assert r"a\x1b[2Jb.jpg" in out


def test_remove_takes_row_and_file_away(run, root: Path) -> None:
    status, out, _ = run("-r", "cat.jpg")
    assert (status, out) == (0, "removed: cat.jpg, row and file\n")
    assert names(root) == ["dog.jpg"]
    assert files_in(root) == {"photos/dog.jpg"}
    assert json.loads(run("-r", "dog.jpg", "--json")[1]) == {"removed": "dog.jpg"}


@pytest.mark.parametrize("name", ["none.jpg", "../media.db", "", "photos/cat.jpg"])
def test_remove_of_what_is_not_there_is_status_1(run, root: Path, name: str) -> None:
    status, out, err = run("-r", name)
    assert (status, out) == (1, "")
    assert "there is no item" in err
    assert names(root) == ["cat.jpg", "dog.jpg"]


@pytest.mark.parametrize("folder", ["photos", "."])
def test_add_makes_a_row_for_a_file_in_the_media_folder(run, root: Path, folder: str) -> None:
    (root / folder / "bird.jpg").write_bytes(jpeg_of())
    status, out, _ = run("-a", "bird.jpg")
    assert (status, out.startswith("added: ")) == (0, True)
    assert names(root) == ["cat.jpg", "dog.jpg", "bird.jpg"]
    assert "photos/bird.jpg" in files_in(root)


def test_add_refuses_what_is_missing_known_or_rubbish_with_status_1(run, root: Path) -> None:
    (root / "photos" / "bad.jpg").write_bytes(b"rubbish")
    for name, why in (("none.jpg", "no file"), ("cat.jpg", "already"), ("bad.jpg", "bad.jpg")):
        status, out, err = run("-a", name)
        assert (status, out) == (1, "")
        assert why in err
    assert names(root) == ["cat.jpg", "dog.jpg"]
    assert (root / "photos" / "bad.jpg").exists()


def test_add_outside_of_the_folder_is_status_2(run) -> None:
    status, _, err = run("-a", "../secret.jpg")
    assert (status, "plain name" in err) == (2, True)


def test_new_without_yes_says_what_is_lost_and_kept_and_changes_nothing(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "database_manager.py", "-n", "--media", root],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "forgets all 2 items" in done.stderr
    assert "Kept are all files, the accounts" in done.stderr
    assert "--yes" in done.stderr
    assert names(root) == ["cat.jpg", "dog.jpg"]


def test_new_forgets_the_items_and_keeps_files_accounts_and_a_copy(run, root: Path) -> None:
    status, out, _ = run("-n", "--yes", "--json")
    found = json.loads(out)
    assert (status, found["forgotten"]) == (0, 2)
    assert names(root) == []
    with closing(sqlite3.connect(found["copy"])) as old:
        assert old.execute("SELECT count(*) FROM media").fetchone() == (2,)
    assert {"photos/cat.jpg", "photos/dog.jpg"} <= files_in(root)
    with opened_library(root) as library:
        assert Accounts(library.database).verified("Ann", "correct horse") is not None
    assert run("check")[0] == 1
    assert sorted(names(root)) == ["cat.jpg", "dog.jpg"], "the files were there all the time"


def test_new_makes_a_database_where_there_is_none(tmp_path: Path, capsys) -> None:
    assert database_manager.main(["-n", "--media", str(tmp_path / "fresh")]) == 0
    assert "made" in capsys.readouterr().out
    assert names(tmp_path / "fresh") == []


@pytest.mark.parametrize("options", [["-l"], ["-r", "x"], ["-a", "x"], ["check"]])
def test_no_database_is_status_2_and_none_is_made(tmp_path: Path, capsys, options: list[str]) -> None:
    """A mistyped --media must not leave a new database there."""
    assert database_manager.main(["--media", str(tmp_path / "typo"), *options]) == 2
    assert "there is no database" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


def test_check_of_a_sound_library_is_status_0(run) -> None:
    status, out, err = run("check")
    assert (status, out) == (0, "2 files checked: rows and files agree\n")
    assert "checked 2 of 2 files" in err, "progress goes to standard error"


def test_check_puts_right_what_hands_did_and_is_status_1_once(run, root: Path) -> None:
    (root / "photos" / "cat.jpg").unlink()
    (root / "photos" / "bird.jpg").write_bytes(jpeg_of())
    bad = root / "photos" / "bad.jpg"
    bad.write_bytes(b"rubbish")
    os.utime(bad, (0, 0))
    status, out, _ = run("check", "--json")
    found = json.loads(out)
    assert status == 1
    assert (found["added"], found["lost"], found["aside"]) == (["bird.jpg"], ["cat.jpg"], ["bad.jpg"])
    assert names(root) == ["dog.jpg", "bird.jpg"]
    assert run("check")[0] == 0


@pytest.mark.parametrize("options", [[], ["-l", "-n"], ["-l", "check"], ["verify"], ["-r"], ["--yes"]])
def test_wrong_options_are_status_2(root: Path, capsys, options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        database_manager.main(options)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_bad_settings_are_status_2(tmp_path: Path, capsys) -> None:
    (tmp_path / "config.txt").write_text("[server]\nport = 99999\n")
    assert database_manager.main(["-l", "--config", str(tmp_path / "config.txt")]) == 2
    assert "port = 99999" in capsys.readouterr().err


def test_media_folder_comes_from_the_settings(root: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "config.txt").write_text("[server]\nmedia_dir = media\n")
    assert database_manager.main(["-l", "--config", str(tmp_path / "config.txt")]) == 0
    assert "cat.jpg" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["-l"], ["-n", "--yes"], ["check"]])
def test_database_of_a_newer_version_is_refused_and_left_alone(run, root: Path, options: list[str]) -> None:
    with closing(sqlite3.connect(root / "media.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    status, out, err = run(*options)
    assert (status, out) == (2, "")
    assert "made by a newer Bagel Turret" in err
    assert names(root) == ["cat.jpg", "dog.jpg"]


def damage(root: Path) -> bytes:
    content = b"not a database" * 1000
    for path in root.glob("media.db*"):
        path.unlink()
    (root / "media.db").write_bytes(content)
    return content


@pytest.mark.parametrize("options", [["-l"], ["-r", "cat.jpg"], ["-a", "cat.jpg"], ["-n", "--yes"]])
def test_damaged_database_is_status_2_and_only_check_touches_it(run, root: Path, options: list[str]) -> None:
    content = damage(root)
    status, out, err = run(*options)
    assert (status, out) == (2, "")
    assert "database_manager.py check" in err
    assert (root / "media.db").read_bytes() == content


def test_check_keeps_a_damaged_database_aside_and_rebuilds_it_from_the_files(run, root: Path) -> None:
    content = damage(root)
    status, out, err = run("check", "--json")
    found = json.loads(out)
    assert status == 1
    assert sorted(found["added"]) == ["cat.jpg", "dog.jpg"]
    assert "was damaged" in found["rescued"]
    assert "checked 2 of 2" in err
    (aside,) = root.glob("media.db.damaged-*")
    assert aside.read_bytes() == content
    assert sorted(names(root)) == ["cat.jpg", "dog.jpg"]


def test_database_locked_by_another_process_is_status_2_and_says_so(run, root: Path, monkeypatch) -> None:
    monkeypatch.setattr("store.database.BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(root / "media.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert run("-l")[0] == 0, "looking needs no turn"
        status, out, err = run("-r", "cat.jpg")
    assert (status, out) == (2, "")
    assert "another program has been writing to it" in err
    assert names(root) == ["cat.jpg", "dog.jpg"]


@pytest.fixture
def read_only(root: Path, tmp_path: Path) -> Iterator[Path]:
    """The media folder on a disk that takes no writes."""
    if os.geteuid() and not os.environ.get("CI"):
        pytest.skip("only root can mount a disk")
    with small_disk(tmp_path / "disk", "4m") as disk:
        shutil.copytree(root, disk / "media")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        yield disk / "media"


def test_read_only_media_can_be_listed_and_changes_are_status_2(read_only: Path, capsys) -> None:
    assert database_manager.main(["-l", "--media", str(read_only)]) == 0
    assert "cat.jpg" in capsys.readouterr().out
    assert database_manager.main(["check", "--media", str(read_only)]) == 0, "there is nothing to put right"
    for options in (["-r", "cat.jpg"], ["-n", "--yes"]):
        assert database_manager.main([*options, "--media", str(read_only)]) == 2
        assert "ead" in capsys.readouterr().err
    assert (read_only / "photos" / "cat.jpg").exists()


def test_works_while_the_program_runs_and_both_see_it(
    make_site: Callable[..., Site], camera: ScriptedCamera, tmp_path: Path
) -> None:
    root = tmp_path / "live"
    site = make_site(camera, server={"media_dir": root})
    made = site.rig.library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    (root / "photos" / "bird.jpg").write_bytes(jpeg_of())
    client = site.app.test_client()
    assert "cat.jpg" in shell("-l", "--media", root).stdout
    assert shell("-a", "bird.jpg", "--media", root).returncode == 0
    assert shell("-r", "cat.jpg", "--media", root).returncode == 0
    assert [item["filename"] for item in client.get("/api/media", headers=ADMIN).json["items"]] == ["bird.jpg"]
    assert client.get(f"/api/media/{made.id}", headers=ADMIN).status_code == 404
    done = shell("-n", "--yes", "--media", root)
    assert (done.returncode, done.stderr) == (0, "")
    assert client.get("/api/media", headers=ADMIN).json["items"] == [], "and Ann is still logged in"
    assert camera.opened == 0


def test_check_beside_the_program_leaves_its_recording_and_its_newest_file_alone(
    make_site: Callable[..., Site], camera: ScriptedCamera, tmp_path: Path
) -> None:
    root = tmp_path / "live"
    make_site(camera, server={"media_dir": root})
    (root / "partial" / "20260601T120000").mkdir()
    (root / "photos" / "new.jpg").write_bytes(jpeg_of())
    found = json.loads(shell("check", "--json", "--media", root).stdout)
    assert (found["left"], found["added"]) == (["new.jpg"], [])
    assert (root / "partial" / "20260601T120000").is_dir()


def test_check_beside_the_program_does_not_put_its_database_aside(
    make_site: Callable[..., Site], camera: ScriptedCamera, tmp_path: Path
) -> None:
    root = tmp_path / "live"
    site = make_site(camera, server={"media_dir": root})
    wait_until(lambda: not site.rig.upkeep.state.is_running, "the check at the start is over")
    with site.rig.database.transaction() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # Not from here: who closes a file gives up all locks of his process on it, and so would the program.
    subprocess.run(
        ["dd", f"of={root}/media.db", "conv=notrunc"], input=b"rubbish!" * 4, check=True, capture_output=True
    )
    done = shell("check", "--media", root)
    assert done.returncode == 2
    assert "stop the program" in done.stderr
    assert not list(root.glob("media.db.damaged-*"))


def test_neighbour_is_seen_while_it_has_the_database_open(root: Path) -> None:
    program = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('SELECT * FROM media').fetchall()\n"
        "print(flush=True)\n"
        "input()"
    )
    assert user_of(root / "media.db") is None
    assert user_of(root / "none.db") is None
    with subprocess.Popen(
        [sys.executable, "-c", program, str(root / "media.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        assert user_of(root / "media.db") == other.pid
        other.communicate(b"\n")
    assert user_of(root / "media.db") is None


def test_neither_camera_nor_pins_are_touched(root: Path) -> None:
    program = (
        "import sys, database_manager\n"
        f"assert database_manager.main(['check', '--media', {str(root)!r}]) == 0\n"
        "touching = 'hardware gpiozero lgpio picamera2 linuxpy camera.capture camera.choice flask'.split()\n"
        "print([name for name in touching if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_system_python_without_our_packages_finds_them(root: Path) -> None:
    """./database_manager.py begins with `env python3`, which knows nothing of the virtual environment."""
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    done = subprocess.run(
        [python, "-S", ROOT / "database_manager.py", "-l", "--media", root],
        capture_output=True, text=True, timeout=60, env={**os.environ, "TURRET_VENV": sys.prefix},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "cat.jpg" in done.stdout


def test_a_reader_that_closes_early_is_no_error(root: Path) -> None:
    with opened_library(root) as library, library.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO media (filename, kind, date, size_bytes, width_px, height_px) VALUES (?, 'photo', ?, 1, 1, 1)",
            [(f"{number:0200}.jpg", "2026-01-01T00:00:00.000Z") for number in range(2000)],
        )
    line = f"{sys.executable} {ROOT}/database_manager.py -l --media {root} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


HEAVY = ("cv2", "numpy", "av", "simplejpeg")


def loaded_by(*options: str | Path) -> set[str]:
    """Which of the heavy packages a command loads (python -X importtime says every module on standard error)."""
    line = [sys.executable, "-X", "importtime", ROOT / "database_manager.py", *options]
    environment = {**os.environ, "TURRET_VENV": "/nonexistent"}  # else another Python takes over, without -X
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, cwd="/", env=environment)
    assert done.returncode == 0, done.stderr
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "store.library" in modules
    return modules & set(HEAVY)


@pytest.mark.parametrize("options", [["-l"], ["-r", "cat.jpg"], ["-n", "--yes"], ["accounts", "list"]], ids="".join)
def test_commands_that_look_into_no_file_load_nothing_that_could(root: Path, options: list[str]) -> None:
    """OpenCV, numpy and what they bring were half of the time that a list took."""
    assert loaded_by(*options, "--media", root) == set()


def test_commands_that_look_into_files_do_load_it(root: Path) -> None:
    shutil.copy(root / "photos" / "cat.jpg", root / "photos" / "new.jpg")
    assert "simplejpeg" in loaded_by("-a", "new.jpg", "--media", root)
