#!/usr/bin/env bash
# skypilot 0.14.1: `-o json` does not always print JSON.
#
# Expected: `sky jobs queue -o json` prints [] when there are no jobs, and standard output holds
# nothing but JSON.
# Found: until a first managed job is launched it prints nothing and ends with exit code 1
# ("ClusterNotUpError: No in-progress managed jobs."), while `sky status -o json` prints [] in the
# same state. And whichever command is the first one starts SkyPilot's server and says so on standard
# output, before the JSON.
set -euo pipefail
folder=$(mktemp -d)
export HOME="$folder" SKYPILOT_DISABLE_USAGE_COLLECTION=1
trap '"$folder/venv/bin/sky" api stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check skypilot==0.14.1
cd "$folder"
sky() { "$folder/venv/bin/sky" "$@"; }

first=$(sky status -o json 2>/dev/null)
second=$(sky status -o json 2>/dev/null)
code=0
queue=$(sky jobs queue -o json 2>error) || code=$?
sky --version
echo "status, first call: $first"
echo "status, second call: $second"
echo "jobs queue: exit code $code, standard output '$queue', $(tail -n 1 error)"
[ "$second" = "[]" ]
echo "$first" | head -n 1 | grep -q "API server"
[ "$code" -eq 1 ] && [ -z "$queue" ]
grep -q "ClusterNotUpError: No in-progress managed jobs" error
