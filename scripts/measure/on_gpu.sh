#!/bin/sh
# Everything that only a GPU can show, in at most nine minutes, on a machine with CUDA:
#
#   scripts/measure/on_gpu.sh                      writes on_gpu.json
#   scripts/measure/on_gpu.sh --json FILE          ... there
#   scripts/measure/on_gpu.sh --device cpu --short the rehearsal, where there is none
#
# PYTHON names the interpreter (default: .venv/bin/python, as make leaves it, else python3). Exit status 1 if a part failed.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${PYTHON:-}" ]; then
  PYTHON=.venv/bin/python
  [ -x "$PYTHON" ] || PYTHON=python3
fi
exec "$PYTHON" -m scripts.measure.on_gpu "$@"
