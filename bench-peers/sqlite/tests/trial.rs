//! The trial that every peer is put through.

#[test]
fn what_a_kill_leaves_is_recovered_and_checked() {
    for variant in ["1,000 to a transaction", "100,000 to a transaction", "one transaction"] {
        let folder = tempfile::tempdir().unwrap();
        peer_protocol::trial::pass(env!("CARGO_BIN_EXE_peer-sqlite"), variant, folder.path())
            .unwrap();
    }
}
