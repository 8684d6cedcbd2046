# To be sourced: whether this build is slower than what was accepted (docs/gate.md). It measures until all is
# decided, or fifty seconds are up, and anew what it finds slower.
gate() {
    local code=0
    timeout --verbose 178 cargo run --release --locked --package bench-harness -- \
        gate --baseline bench-harness/baseline.json --seconds 50 || code=$?
    case $code in
    4) not_run "the gate: bench-harness/baseline.json knows no machine like this" ;;
    *) return "$code" ;;
    esac
}
