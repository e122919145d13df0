#!/bin/sh
# Run one command beside another, so that the one works while the other waits.
#
# usage: beside.sh "COMMAND OF THE SHELL" COMMAND [ARGUMENT...]
#
# The second command prints as it runs. What the first one prints is kept and shown at the end, so
# the two are never mixed. Fails if either fails. An interrupt ends both.
set -u
first=$1
shift
said=$(mktemp)
trap 'rm -f "$said"' EXIT
trap 'kill "$beside" 2>/dev/null; exit 130' INT TERM
sh -c "$first" >"$said" 2>&1 &
beside=$!
"$@"
failed=$?
wait "$beside"
failed_beside=$?
cat "$said"
if [ "$failed_beside" -ne 0 ]; then
    echo "Failed ($failed_beside), see above: $first" >&2
fi
[ "$failed" -ne 0 ] && exit "$failed"
exit "$failed_beside"
