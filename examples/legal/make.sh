#!/bin/sh
# Makes the documents of the legal example: licence texts as Debian ships them, verbatim.
set -eu
cd "$(dirname "$0")/documents"
for name in Apache-2.0 BSD CC0-1.0 GPL-2 GPL-3 LGPL-3; do
    cp "/usr/share/common-licenses/$name" "$name.txt"
done
