#!/usr/bin/env bash
# Sets up what is missing, then runs the program; help() below says how it is used.
#
# The packages live in a virtual environment, .venv beside this file. Its file `stamp`, written last,
# says what a finished set-up was made from; its file `unfinished` stands there while it is being made
# or changed, so that an interrupted set-up is noticed and made again. A start that finds the right stamp
# runs no Python but the program's. Who changes .venv holds a lock on this folder.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # started as: sh flaskstart.sh
set -euo pipefail

here=$(cd -P -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
venv=${TURRET_VENV:-$here/.venv}
[[ $venv == /* ]] || venv=$PWD/$venv
python=$venv/bin/python
log=$venv/setup.log
NEEDED_MB=600 # 385 MB installed, 130 MB of downloads while they are unpacked
NEEDED_DEV_MB=900

say() { printf '%s\n' "$*" >&2; }
die() { say "flaskstart.sh: $*"; exit 1; }

help() {
    cat <<'HELP'
Usage: ./flaskstart.sh [--setup-only] [--dev] [OPTION of app.py]...

Sets up what is missing (the first time it downloads 130 MB and takes some minutes on a Pi), then serves.
No root needed. Works from any folder. Ctrl-C ends it.

  --setup-only         set up, do not serve
  --dev                set up what tests and checks need too
  --install-service    serve at every boot from now on (systemd; asks for sudo's password)
  --uninstall-service  no longer serve at boot
  --help               this text

Options of app.py, passed on; config.txt has more settings:
  --config FILE        settings file (default: config.txt beside this script)
  --host H, --port N   address and TCP port to listen on
  --media DIR          folder of the database, photos and videos
  --camera KIND        auto, pi, usb, network, synthetic or files
  --check-config       check the settings and stop
  --version            print the version and stop

Environment: TURRET_VENV=DIR keeps the packages in DIR instead of .venv.
HELP
}

is_pi() { # TURRET_BOARD=pi or TURRET_BOARD=other overrides what the machine says (tests)
    [[ -n ${TURRET_BOARD:-} ]] && { [[ $TURRET_BOARD == pi ]]; return; }
    grep -qsa '^Raspberry Pi' /proc/device-tree/model
}

# --- Is everything there? ---------------------------------------------------------------------------

stamp_python() { printf '%s %s\n' "$HOSTTYPE" "$(readlink -f -- "$python")"; }
stamp_packages() { printf '%s ' "${requirements[@]##*/}"; cat -- "${requirements[@]}" | sha256sum; }

read_stamp() { # sets old_folder, old_python, old_packages: what the set-up was made from; empty without one
    old_folder='' old_python='' old_packages=''
    [[ -e $venv/unfinished || ! -r $venv/stamp ]] ||
        { IFS= read -r old_folder && IFS= read -r old_python && IFS= read -r old_packages; } <"$venv/stamp" || :
}

is_ready() {
    read_stamp
    # Who set up for development once keeps it so.
    [[ $is_dev == yes || $old_packages != *requirements-dev.txt* ]] || { is_dev=yes; list_requirements; }
    [[ -x $python && $old_folder == "$venv" && $old_python == "$(stamp_python)" && $old_packages == "$(stamp_packages)" ]]
}

list_requirements() { # sets requirements
    requirements=("$here/requirements.txt")
    is_pi && requirements+=("$here/requirements-pi.txt")
    [[ $is_dev == no ]] || requirements+=("$here/requirements-dev.txt")
}

# --- Setting up -------------------------------------------------------------------------------------

set_up() {
    exec 9<"$here" || die "cannot read $here"
    flock -n 9 || { say "Another start is setting up; waiting for it."; flock 9; }
    is_ready && { exec 9<&-; return; }
    trap 'die "interrupted; start it again to go on"' INT TERM
    refuse_foreign_folders
    if [[ -e $venv/unfinished || ! -x $python || (-n $old_python && $old_python != "$(stamp_python)") ]]; then
        make_venv
    elif [[ -n $old_folder && $old_folder != "$venv" ]]; then
        mend_scripts
    fi
    [[ $old_packages == "$(stamp_packages)" ]] || install_packages
    if is_pi; then let_in_system_packages true; fi
    printf '%s\n' "$venv" "$(stamp_python)" "$(stamp_packages)" >"$venv/stamp.new"
    mv -f -- "$venv/stamp.new" "$venv/stamp"
    rm -f -- "$venv/unfinished"
    trap - INT TERM
    exec 9<&-
    say "Everything is set up."
}

refuse_foreign_folders() {
    local parent
    parent=$(dirname -- "$venv")
    if [[ -d $venv ]]; then
        [[ -w $venv ]] || die "$venv belongs to $(stat -c %U -- "$venv"): start as that user, or: sudo chown -R $(id -un) $here"
        [[ $venv == "$here/.venv" || -e $venv/pyvenv.cfg || -e $venv/unfinished || -z $(ls -A -- "$venv") ]] ||
            die "TURRET_VENV=$venv holds something else than a virtual environment: name an empty or a new folder"
    else
        [[ -w $parent ]] || die "cannot write in $parent: start as its owner $(stat -c %U -- "$parent" 2>/dev/null), or name another folder with TURRET_VENV"
    fi
}

find_python() { # sets base_python: the first Python that is new enough and can make virtual environments
    local name path version too_old='' no_venv=''
    local names=(python3 python3.14 python3.13 python3.12 python3.11)
    # The system's picamera2 is made for the system's Python.
    ! is_pi || names=(/usr/bin/python3 "${names[@]}")
    for name in "${names[@]}"; do
        path=$(command -v "$name") || continue
        version=$("$path" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { too_old=$version; continue; }
        "$path" -c 'import ensurepip, venv' 2>/dev/null || { no_venv=$version; continue; }
        base_python=$path
        return
    done
    [[ -z $no_venv ]] || die "Python $no_venv lacks its venv module. Please run: sudo apt install python3-venv   (or python$no_venv-venv)"
    [[ -z $too_old ]] || die "Python 3.11 or newer is needed, here is $too_old. Use Raspberry Pi OS 12, Debian 12, Ubuntu 24.04 or newer, or install python3.11 beside it"
    die "Python 3.11 or newer is needed and there is none. Please run: sudo apt install python3 python3-venv"
}

make_venv() {
    local base_python needed_mb=$NEEDED_MB free_mb
    find_python
    [[ $is_dev == no ]] || needed_mb=$NEEDED_DEV_MB
    free_mb=$(df -Pm -- "$(dirname -- "$venv")" | awk 'NR == 2 {print $4}')
    [[ $free_mb -ge $needed_mb ]] || die "the set-up needs $needed_mb MB of free disk space, there are $free_mb: make room and start again"
    say "Setting up with Python $("$base_python" -c 'import platform; print(platform.python_version())'): a virtual environment in $venv"
    [[ ! -d $venv ]] || find -H "$venv" -mindepth 1 -delete || die "cannot empty $venv"
    mkdir -p -- "$venv"
    : >"$venv/unfinished"
    "$base_python" -I -m venv "$venv" >"$log" 2>&1 || die "cannot make a virtual environment: $(tail -n 1 "$log")"
    old_packages=''
}

mend_scripts() { # after the folder was moved: what is in bin names its Python by its full path
    say "The folder was moved from ${old_folder%/*}: mending $venv"
    "$python" -I - "$old_folder" "$venv" <<'PYTHON'
import os
import pathlib
import sys

old, new = map(os.fsencode, sys.argv[1:])
venv = pathlib.Path(sys.argv[2])
for path in [venv / "pyvenv.cfg", *(venv / "bin").iterdir()]:
    if path.is_file() and not path.is_symlink() and old in (data := path.read_bytes()):
        path.write_bytes(data.replace(old, new))
PYTHON
}

install_packages() {
    local file reason options=()
    for file in "${requirements[@]}"; do options+=(-r "$file"); done
    say "Installing the packages; the first time this takes some minutes on a Pi."
    : >"$venv/unfinished"
    let_in_system_packages false
    mkdir -p -- "$venv/tmp" # /tmp is memory on some systems, too little for a large package
    if TMPDIR=$venv/tmp PIP_USER=0 "$python" -I -m pip install --disable-pip-version-check --no-input \
        --progress-bar off --only-binary :all: "${options[@]}" 2>&1 | tee -- "$log" | show_progress; then
        rm -rf -- "$venv/tmp"
        return
    fi
    rm -rf -- "$venv/tmp"
    reason=$(grep '^ERROR: ' "$log" | tail -n 1) || reason=$(tail -n 1 "$log")
    reason="pip said: ${reason#ERROR: } (all of it: $log)"
    ! grep -q 'No space left on device' "$log" || die "the disk is full: make room and start again; $reason"
    ! grep -q '^Installing collected packages' "$log" || die "installing the packages failed: start it again; $reason"
    # pip fetches everything before it changes anything, so what was there is still good.
    ! is_pi || let_in_system_packages true
    rm -f -- "$venv/unfinished"
    [[ $HOSTTYPE =~ ^(x86_64|aarch64)$ ]] || grep -q 'connection broken' "$log" ||
        die "there are no packages for this processor ($HOSTTYPE): use 64-bit Raspberry Pi OS; $reason"
    die "the packages could not be had, nothing was changed: check the network and start again; $reason"
}

show_progress() { # reads pip's output, says in plain words which package is being fetched
    local line name seen=0 total
    total=$(cat -- "${requirements[@]}" | grep -c '==')
    while read -r line; do
        case $line in
            'Requirement already satisfied'*) seen=$((seen + 1)) ;;
            Collecting\ * | Processing\ *)
                seen=$((seen + 1))
                name=${line#* }
                name=${name##*/} name=${name%%-[0-9]*} name=${name%%[=<>~!; ]*}
                say "  fetching $name ($seen of $total)" ;;
            'Installing collected packages'*) say "  unpacking what was fetched" ;;
        esac
    done
}

let_in_system_packages() { # true or false; behind our own packages, see requirements-pi.txt
    sed -i "s/^include-system-site-packages = .*/include-system-site-packages = $1/" "$venv/pyvenv.cfg"
}

# ----------------------------------------------------------------------------------------------------

is_dev=no
action=serve
passed_on=()
for argument in "$@"; do
    case $argument in
        --setup-only) action=stop ;;
        --dev) is_dev=yes ;;
        --install-service | --uninstall-service) action=${argument#--} ;;
        -h | --help) help; exit 0 ;;
        *) passed_on+=("$argument") ;;
    esac
done
[[ $action != uninstall-service ]] || exec bash "$here/deploy/service" uninstall

[[ $EUID != 0 || -z ${SUDO_USER:-} ]] ||
    say "flaskstart.sh: sudo is not needed; what is made now belongs to root, and $SUDO_USER cannot change it later"
unset PYTHONHOME # another Python's
list_requirements
is_ready || set_up
unset TURRET_BOARD # not a setting of app.py
case $action in
    serve) exec "$python" "$here/app.py" ${passed_on[@]+"${passed_on[@]}"} ;;
    install-service) exec bash "$here/deploy/service" install "$python" ;;
esac
