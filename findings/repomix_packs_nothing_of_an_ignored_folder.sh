#!/usr/bin/env bash
# repomix 1.18.1 (npm): a folder named on the command line is packed by the .gitignore of the repository around it.
#
# Expected: `repomix FOLDER` packs the files of FOLDER, whose own ignore files decide; it is the root of the pack.
# Found: where FOLDER lies inside a git repository whose .gitignore has it (a package unpacked in build/, a stage in
# a temporary folder of a project), no file is packed, and the exit code is 0. The same folder outside a
# repository is packed whole; --no-gitignore packs it in both places.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-fund --no-audit --prefix "$folder/npm" repomix@1.18.1 > /dev/null 2>&1
repomix="$folder/npm/node_modules/.bin/repomix"
mkdir -p "$folder/project/build/package" "$folder/alone"
printf 'x = 1\n' | tee "$folder/project/build/package/a.py" > "$folder/alone/a.py"
printf 'build/\n' > "$folder/project/.gitignore"
git -C "$folder/project" init --quiet

packed() {  # fails if repomix does
    "$repomix" "$@" --style xml --quiet --output "$folder/out.xml" > /dev/null 2>&1
    grep -c '^<file path=' "$folder/out.xml" || true
}

inside=$(packed "$folder/project/build/package")
alone=$(packed "$folder/alone")
asked=$(packed "$folder/project/build/package" --no-gitignore)
echo "repomix $("$repomix" --version): files packed: ignored folder $inside, the same outside $alone, --no-gitignore $asked"
[ "$alone" = 1 ] || { echo "a plain folder is not packed any more"; exit 1; }
[ "$inside" = 0 ] || { echo "a named folder is packed although it is ignored now"; exit 1; }
[ "$asked" = 1 ] || { echo "--no-gitignore does not reach the repository around now"; exit 1; }
