#!/usr/bin/env bash
# Whatever can be said of the tree without building it: swift format's rules, shell scripts, and what must not be in a commit.
#
# The rules of .swift-format are held; its layout is not: where a line breaks is left to who writes it (`make format` lays a file out anew). Hence what the
# pretty printer alone would do differently is passed over, but not trailing space, tabs, nor lines that are too long.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

swift_files=$(git ls-files --cached --others --exclude-standard -- '*.swift')
# shellcheck disable=SC2086  # names without spaces
found=$(swift format lint --parallel --configuration .swift-format $swift_files 2>&1 |
    grep -vE '\[(Indentation|AddLines|RemoveLine|Spacing|SpacingComment|EndOfLineComment|TrailingComma)\]' || true)
if [ -n "$found" ]; then
    echo "$found" >&2
    failed=1
fi

scripts=$(git ls-files --cached --others --exclude-standard | while read -r file; do
    if [ -f "$file" ] && head -c 64 "$file" | head -1 | grep -qaE '^#!.*\b(ba)?sh\b'; then echo "$file"; fi
done)
# shellcheck disable=SC2086
shellcheck --severity=style $scripts || failed=1

# What a reviewer should not have to look for.
if git grep -nE '(//|#|/\*).*\b(TODO|FIXME|XXX)\b' -- Sources Tests Benchmarks Package.swift Makefile .ci scripts ':!scripts/lint.sh'; then
    echo "unfinished business in a comment" >&2
    failed=1
fi
if git grep -nE '\bas! |\btry! |-Ounchecked' -- Sources Package.swift Makefile; then
    echo "preconditions say what is broken; nothing else stops the process on purpose" >&2
    failed=1
fi

exit $failed
