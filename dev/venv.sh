#!/usr/bin/env bash
# Makes the Python environment of the lock file in a folder outside the tree; `.done` says that it is whole.
set -euo pipefail
target=$1
echo "== Python environment (once per requirements.lock; about two minutes)"
usable() { "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
python=$(command -v python3.11 || command -v python3 || true)
if [ -z "$python" ] || ! usable "$python"; then
  echo "Python 3.11 or newer with venv is missing; on Debian: apt-get install python3 python3-venv" >&2
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 1
  apt-get update -qq && apt-get install -y -qq python3 python3-venv >/dev/null
  python=/usr/bin/python3
fi
rm -rf "$target"; mkdir -p "$(dirname "$target")"
"$python" -m venv "$target"
"$target/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
touch "$target/.done"
