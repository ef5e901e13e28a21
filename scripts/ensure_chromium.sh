#!/bin/sh
# The browser tests need Debian's chromium, or its headless shell, which takes half the time and is taken where both are.
# Installs it where that is possible without asking (root on Debian or Ubuntu). Exit status: 0 if it is there in the end;
# 1, after one sentence, if the tests have to be skipped.

# Run, not just found: Ubuntu's package may be an empty shell.
found() { chromium-headless-shell --version >/dev/null 2>&1 || chromium --version >/dev/null 2>&1; }
install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" fonts-dejavu-core >/dev/null; }

if found; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing chromium for the browser tests (apt-get) ..."
  if apt-get update -qq && { install chromium-headless-shell 2>/dev/null || install chromium; } && found; then exit 0; fi
fi

echo "Browser tests are skipped: they need chromium (Debian: sudo apt-get install chromium-headless-shell)." >&2
exit 1
