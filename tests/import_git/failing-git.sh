#!/bin/sh
# Stands in for git in tests. Passes everything on, but for the verb that the file `fails` beside
# it names: of that one's output (for cat-file: of the requests to it) only the first bytes come
# through, as many as the file says, and then it ends with the exit code that the file says.
read -r verb bytes code < "$(dirname "$0")/fails"
for argument in "$@"; do
    if [ "$argument" = "$verb" ] && [ "$verb" = cat-file ]; then
        # Byte by byte: a request that waits in a buffer for the next one would wait for ever.
        dd ibs=1 obs=1 count="$bytes" status=none | git "$@"
        exit "$code"
    fi
    if [ "$argument" = "$verb" ]; then
        git "$@" | head -c "$bytes"
        exit "$code"
    fi
done
exec git "$@"
