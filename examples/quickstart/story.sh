#!/usr/bin/env bash
# The quickstart as a story, told in a copy of this example: train, change one number, compare, change it back.
set -euo pipefail

example=$(cd "$(dirname "$0")" && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/planform-quickstart.XXXXXX")

run() {
  local words=() word
  for word in "$@"; do
    case $word in *[!A-Za-z0-9_./=-]*) word="'$word'" ;; esac
    words+=("$word")
  done
  printf '\n$ %s\n' "${words[*]}"
  "$@"
}

cp -R "$example/main.pf.yaml" "$example/src" "$example/data" "$copy"
cd "$copy"
echo "In $copy, a copy of $example:"

run planform apply --auto-approve
run planform metrics

run sed -i.bak 's/default: 0.2 /default: 0.05 /' main.pf.yaml
run planform plan
run planform apply --auto-approve
run planform metrics 'trainer.digits["fast"]'

# Back to the first number: that model exists, so nothing is trained.
run mv main.pf.yaml.bak main.pf.yaml
run planform plan
