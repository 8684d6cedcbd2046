# To be sourced: runs steps one by one, and tells at the end, be it good or bad, how long each of them took.

mkdir -p target/ci
step_times=$PWD/target/ci/times
notes=$PWD/target/ci/notes
: >"$step_times"
: >"$notes"
current=

# Runs a command, or a function of these files.
step() {
    current=$*
    printf '\n== %s\n' "$current"
    local TIMEFORMAT=$'%R\t%U\t%S\t'"${current//%/%%}"
    { time "$@" 2>&3 3>&-; } 3>&2 2>>"$step_times"
    current=
}

# Says, now and at the end, what this machine can't do.
not_run() {
    printf 'not run: %s\n' "$*" | tee -a "$notes"
}

summary() {
    printf '\n== seconds on the clock, and of CPU\n'
    # What else is there is the shell's own, of a command that was killed.
    awk -F '\t' 'NF == 4 { printf "%7.1f %7.1f  %s\n", $1, $2 + $3, $4; next } { print }' "$step_times"
    printf '%7.1f          in all\n' "$SECONDS"
    cat "$notes"
    [ -z "$current" ] || printf 'FAILED: %s\n' "$current"
}
trap summary EXIT
