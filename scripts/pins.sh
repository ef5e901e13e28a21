#!/usr/bin/env bash
# Resolves the exact version of every package that is installed, on every system at once, from the requirements*.txt:
#
#   requirements/pins.txt    all of them, as constraints: what requirements*.txt bring along is pinned as well
#   requirements/*.lock      what make installs, with the hash of every file
#
# Versions that are there stay, as far as they fit; --upgrade looks for newer ones. torch and what it alone brings along
# have no hash: a CPU build, a CUDA build and the one of a Mac are different files of one version.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # compile OUTPUT OPTIONS... < requirements
  .venv/bin/uv pip compile - --quiet --universal --python-version 3.11 --annotation-style line \
    --custom-compile-command "make pins" --output-file "requirements/$1" "${@:2}"
}

wanted() { grep --no-filename --invert-match '^-' "$@"; }

wanted requirements.txt requirements-*.txt | compile pins.txt "$@"
own_builds=$(grep --extended-regexp --only-matching '^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==' requirements/pins.txt)
for what in app dev cluster; do
  files=(requirements.txt)
  [ "$what" = app ] || files+=("requirements-$what.txt")
  # shellcheck disable=SC2046,SC2086 # one word each
  wanted "${files[@]}" | compile "$what.lock" --generate-hashes --constraint requirements/pins.txt \
    $(printf -- '--no-emit-package %s ' ${own_builds//==/})
done
