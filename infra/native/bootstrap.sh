#!/usr/bin/env bash
# Gets uv, which makes the Python environments, into .local/uv. Needs only Python 3.11 or newer; on Debian and Ubuntu root
# also gets the venv module, which they package apart.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Python 3.11 or newer is needed as python3 on PATH: install it, then run this again." >&2
  exit 1
fi
mkdir -p .local
if ! python3 -c 'import ensurepip' 2>/dev/null; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Python's venv module is missing: install python3-venv (or uv itself), then run this again." >&2
    exit 1
  fi
  echo "Installing python3-venv ..."
  apt-get update -qq >/dev/null 2>&1 || true   # an unrelated source that is down must not stop us
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
rm -rf .local/uv
python3 -m venv .local/uv
.local/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
