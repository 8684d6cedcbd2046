//! The trial that every peer is put through.

#[test]
fn what_a_kill_leaves_is_recovered_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    peer_protocol::trial::pass(env!("CARGO_BIN_EXE_peer-redb"), "", folder.path()).unwrap();
}
