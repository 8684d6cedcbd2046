# To be sourced: a bounded amount of fuzzing. fuzz/README.md says what the targets look for, and how to look
# farther. A finding ends the run with an error.

# What isn't instrumented. It shares nothing with the tests' build, since it asserts more, and has few inputs, so
# that it is the build that takes time.
fuzz_crate=(--manifest-path fuzz/Cargo.toml --release --locked --config profile.release.opt-level=1)

# Not optimised, since it only starts others.
cargo_fuzz() {
    if [ "$(cargo fuzz --version 2>/dev/null)" != "cargo-fuzz 0.13.1" ]; then
        cargo install cargo-fuzz --version 0.13.1 --locked --debug
    fi
}

# The seed is the same each time, so that a change is judged by what it changes.
fuzz() {
    mkdir -p "fuzz/target/corpus/$1"
    timeout --verbose 900 cargo fuzz run --sanitizer none "$1" \
        "fuzz/target/corpus/$1" "fuzz/seeds/$1" \
        -- -seed=1 -max_total_time=30 -timeout=60 -rss_limit_mb=1024 -print_final_stats=1
}

# A few targets at a time, since each is busy on little more than one core. Each one's log is shown when it has
# ended: its end where all is well, all of it where not.
fuzz_together() {
    local target pids=() failed=0
    for target; do
        fuzz "$target" &>"target/ci/fuzz-$target.log" &
        pids+=($!)
    done
    for target; do
        printf -- '-- %s\n' "$target"
        if wait "${pids[0]}"; then
            tail -n 6 "target/ci/fuzz-$target.log"
        else
            cat "target/ci/fuzz-$target.log"
            failed=1
        fi
        pids=("${pids[@]:1}")
    done
    return "$failed"
}
