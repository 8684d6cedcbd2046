# To be sourced: coordinations of several machines, on etcd. A workspace of its own that shares what is built.

etcd=(--manifest-path coordination-etcd/Cargo.toml --target-dir target --release --locked)

lint_etcd() {
    if [ -z "$etcd_is_there" ]; then
        not_run "coordination-etcd: its packages can't be had here"
        return
    fi
    cargo clippy "${etcd[@]}" --all-targets --all-features -- -D warnings
}

# What this machine doesn't let a test do (cut a network) shows as ignored.
test_etcd() {
    [ -z "$etcd_is_there" ] || timeout --verbose 600 cargo test "${etcd[@]}" "${quickly_built[@]}"
}
