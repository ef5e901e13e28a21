#!/bin/sh
# The browser tests need Debian's chromium. Installs it where that is possible without asking (root on Debian or
# Ubuntu). Exit status: 0 if chromium is there in the end; 1, after one sentence, if the tests have to be skipped.

found() { chromium --version >/dev/null 2>&1; } # run, not just found: Ubuntu's package may be an empty shell

if found; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing chromium for the browser tests (apt-get) ..."
  if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-dejavu-core >/dev/null && found; then exit 0; fi
fi

echo "Browser tests are skipped: they need the command 'chromium' (Debian: sudo apt-get install chromium)." >&2
exit 1
