# To be sourced: whether this build is slower than what was accepted (docs/gate.md). It measures until all is
# decided, or fifty seconds are up, and anew what it finds slower.

# What a gate exits with where a figure is slower, and where nothing could be compared.
slower=3
not_compared=4

gate() {
    local code=0
    run_gate 178 --baseline bench-harness/baseline.json || code=$?
    case $code in
    "$not_compared") not_run "the gate: bench-harness/baseline.json knows no machine like this" ;;
    "$slower") gate_against_what_was_accepted ;;
    *) return "$code" ;;
    esac
}

# Neighbours who take the caches all the time look like a slowdown. So what is slower than the figures that were
# accepted must be slower, too, than the code that was, among the same neighbours.
gate_against_what_was_accepted() {
    local accepted folder=target/ci/accepted
    accepted=$(git log -1 --format=%H -- bench-harness/baseline.json)
    rm -rf "$folder"
    git worktree prune
    git worktree add --force --detach "$folder" "$accepted"
    (cd "$folder" && CARGO_TARGET_DIR=../accepted-target cargo build --release --locked --package bench-harness)
    run_gate 400 --against target/ci/accepted-target/release/bench-harness
    git worktree remove --force "$folder"
}

# Runs it for so many seconds at most.
run_gate() {
    timeout --verbose "$1" "$harness" gate "${@:2}" --seconds 50
}
