#!/bin/sh
# Cairn's command line: the app's own program, told to be Node. Link to this file from a folder of your PATH.
set -e
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
resources=$(dirname "$here")
if [ -x "$resources/../MacOS/Cairn" ]; then
  program=$resources/../MacOS/Cairn
else
  program=$resources/../cairn
fi
ELECTRON_RUN_AS_NODE=1 exec "$program" "$resources/app.asar/out/main/cli.js" "$@"
