#!/usr/bin/env bash
# stale.sh: a warning in Markdown if dvc.lock, and so what is committed, is of other code or parameters than lie here.
# What is only missing (models and pictures are not in git) does not count.
set -euo pipefail
dvc status | awk '
  /^[^\t]/ { stage = $1; sub(":", "", stage) }
  /^\t+(modified|new):/ && !(stage in seen) { seen[stage]; if (++count <= 8) names = names " `" stage "`" }
  END {
    if (count > 8) names = names " and " count - 8 " more"
    if (count) printf "\n> [!WARNING]\n> These numbers are not of this code and these parameters. Outdated:%s, and what follows " \
      "from them. To renew them run `dvc repro` and commit.\n", names
  }'
