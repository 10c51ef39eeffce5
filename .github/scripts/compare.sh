#!/usr/bin/env bash
# compare.sh BASE [HEAD]: writes comparison/comparison.md and comparison/pictures. GATE: further options. A metric that
# got worse does not end the job here, before it is shown: the status goes to later steps as STATUS.
set -euo pipefail
read -ra options <<< "$GATE"
mkdir -p comparison
status=0
latentlab compare "$@" --format markdown --out comparison/comparison.md --pictures comparison/pictures "${options[@]}" ||
  status=$?
if [ ! -e comparison/comparison.md ]; then exit "$status"; fi # nothing could be compared
echo "STATUS=$status" >> "$GITHUB_ENV"
