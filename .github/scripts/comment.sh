#!/usr/bin/env bash
# comment.sh NUMBER FILE: shows FILE in the one comment of ours on pull request NUMBER. Needs GH_TOKEN.
set -euo pipefail
marker='<!-- latentlab compare -->'
issues="repos/$GITHUB_REPOSITORY/issues"
body=$(mktemp)
{
  echo "$marker"
  echo "[Report, pictures and log]($GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID)"
  echo
  awk '{ size += length($0) + 1 } size < 65000' "$2" # GitHub takes 65,536 characters
} > "$body"
ours=".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$marker\"))) | .id"
id=$(gh api --paginate "$issues/$1/comments" --jq "$ours" | sed -n 1p)
if [ -n "$id" ]; then
  gh api --silent --method PATCH "$issues/comments/$id" --field "body=@$body"
else
  gh api --silent --method POST "$issues/$1/comments" --field "body=@$body"
fi
