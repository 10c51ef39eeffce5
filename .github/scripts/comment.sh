#!/usr/bin/env bash
# comment.sh NUMBER FILE: shows FILE in the one comment of ours on pull request NUMBER. Needs GH_TOKEN. What FILE says is
# others' text: it calls nobody by an `@name`.
set -euo pipefail
if ! [[ $1 =~ ^[1-9][0-9]{0,9}$ ]]; then
  echo "::error::expected the number of a pull request, found $(printf %q "$1")"
  exit 1
fi
marker='<!-- latentlab compare -->'
issues="repos/$GITHUB_REPOSITORY/issues"
body=$(mktemp)
{
  echo "$marker"
  echo "[Report, pictures and log]($GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID)"
  echo
  # GitHub takes 65,536 characters. After an @ that begins a word comes a space of no width: no mention, and looks alike.
  sed -E 's/(^|[^[:alnum:]_])(@+)/\1\2\xe2\x80\x8b/g' "$2" | awk '{ size += length($0) + 1 } size < 65000'
} > "$body"
ours=".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$marker\"))) | .id"
id=$(gh api --paginate "$issues/$1/comments" --jq "$ours" | sed -n 1p)
if [ -n "$id" ]; then
  gh api --silent --method PATCH "$issues/comments/$id" --field "body=@$body"
else
  gh api --silent --method POST "$issues/$1/comments" --field "body=@$body"
fi
