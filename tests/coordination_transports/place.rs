//! Where a coordinator listens: from whom the place is taken, and who may come.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;

use vexfs_replay::Error;
use vexfs_replay::coordination::{Mail, ParticipantKind, SocketHub, SocketOptions};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_socket_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/socket");
    let hub = SocketHub::listen(&path, SocketOptions::default()).unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    drop(hub);
    assert!(!path.exists());
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o750)).unwrap();
    let refused = SocketHub::listen(&path, SocketOptions::default());
    assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{refused:?}");
}

#[test]
fn a_dead_coordinators_socket_is_replaced_and_a_living_ones_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run/socket");
    DirBuilder::new().mode(0o700).create(path.parent().unwrap()).unwrap();
    // Its listener goes, and its file stays.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let hub = SocketHub::listen(&path, SocketOptions::default()).unwrap();
    for _ in 0..2 {
        let refused = SocketHub::listen(&path, SocketOptions::default());
        assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
    }
    drop(hub);
    let foreign = UnixListener::bind(&path).unwrap();
    let refused = SocketHub::listen(&path, SocketOptions::default());
    assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
    assert!(path.exists());
    drop(foreign);
    drop(SocketHub::listen(&path, SocketOptions::default()).unwrap());
    fs::write(&path, "a file").unwrap();
    let refused = SocketHub::listen(&path, SocketOptions::default());
    assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), b"a file");
}

#[test]
fn a_participant_is_in_one_coordination_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let hub = SocketHub::listen(&folder.path().join("run/s"), SocketOptions::default()).unwrap();
    let way_to =
        |names: &[&str]| hub.way_to(names.iter().map(|name| (*name).to_owned()), Mail::default());
    assert!(matches!(way_to(&["a"]), Err(Error::InvalidOption { .. })));
    for name in ["a", "b"] {
        hub.invite(name, ParticipantKind::ReplayEngine);
    }
    let first = way_to(&["a"]).unwrap();
    let second = way_to(&["b"]).unwrap();
    assert!(matches!(way_to(&["a", "b"]), Err(Error::InvalidOption { .. })));
    drop((first, second));
    way_to(&["a", "b"]).unwrap();
}
