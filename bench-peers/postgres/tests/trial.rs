//! The trial that every peer is put through.

#[test]
#[ignore = "needs an installed PostgreSQL"]
fn what_a_kill_leaves_is_recovered_and_checked() {
    for variant in ["", "primary key"] {
        let folder = tempfile::tempdir().unwrap();
        peer_protocol::trial::pass(env!("CARGO_BIN_EXE_peer-postgres"), variant, folder.path())
            .unwrap();
    }
}
