use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";
const NONE: &str = "0000000000000000000000000000000000000000";

fn stream() -> Vec<u8> {
    let mut bytes = format!("C{ID}\0\01700000000\0a@b\0two words\0\n").into_bytes();
    bytes.extend(format!(":000000 100644 {NONE} {ID} A\0C:odd\n\tname \0").bytes());
    bytes.extend(format!(":100644 100755 {ID} {ID} R087\0old\0n\u{e9}w\0").bytes());
    bytes.extend(format!("C{ID}\0{ID} {ID}\0-5\0\0\0").bytes());
    bytes.extend(format!("C{ID}\0{ID}\0\0e\0\n:x\0\n:120000 000000 {ID} {NONE} D\0gone\0").bytes());
    bytes
}

#[test]
fn commits_changes_and_odd_names_come_out() {
    let bytes = stream();
    let mut reader = LogReader::new(std::io::BufReader::with_capacity(3, bytes.as_slice()));
    let mut commit = Commit::new();
    assert!(reader.next(&mut commit).unwrap());
    assert_eq!(commit.id.to_string(), ID);
    assert_eq!((commit.parents.len(), commit.time_ns), (0, 1_700_000_000_000_000_000));
    assert_eq!((&commit.email[..], &commit.subject[..]), (&b"a@b"[..], &b"two words"[..]));
    let [added, renamed] = &commit.changes[..] else { panic!("{:?}", commit.changes) };
    assert_eq!((added.action, added.new_mode), (Action::Add, 0o100_644));
    assert_eq!(commit.new_path(added), b"C:odd\n\tname ");
    assert_eq!((renamed.action, renamed.new_mode), (Action::Rename, 0o100_755));
    assert_eq!(commit.old_path(renamed), b"old");
    assert_eq!(commit.new_path(renamed), "n\u{e9}w".as_bytes());

    assert!(reader.next(&mut commit).unwrap());
    assert_eq!((commit.parents.len(), commit.time_ns, commit.changes.len()), (2, 0, 0));
    assert!(!reader.at_end().unwrap());

    assert!(reader.next(&mut commit).unwrap());
    assert_eq!(commit.subject, b"\n:x");
    assert_eq!(commit.changes[0].action, Action::Delete);
    assert_eq!(commit.old_path(&commit.changes[0]), b"gone");
    assert!(reader.at_end().unwrap());
    assert!(!reader.next(&mut commit).unwrap());
}

#[test]
fn a_stream_cut_anywhere_inside_a_record_is_an_error() {
    let bytes = stream();
    let read_all = |bytes: &[u8]| -> Result<usize, Error> {
        let (mut reader, mut commit, mut commits) = (LogReader::new(bytes), Commit::new(), 0);
        while reader.next(&mut commit)? {
            commits += 1;
        }
        Ok(commits)
    };
    assert_eq!(read_all(&bytes).unwrap(), 3);
    let mut whole = 0;
    for cut in 0..bytes.len() {
        match read_all(&bytes[..cut]) {
            Ok(_) => whole += 1,
            Err(Error::Import(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    // At a record's end the cut can't be seen here: git's exit code and the number of commits tell.
    assert_eq!(whole, 6);
}

#[test]
fn no_byte_changed_makes_it_panic() {
    let bytes = stream();
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0x20] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            let (mut reader, mut commit) = (LogReader::new(&changed[..]), Commit::new());
            while matches!(reader.next(&mut commit), Ok(true)) {}
        }
    }
}

#[test]
fn a_long_subject_is_cut_and_what_follows_it_is_read() {
    let long = "x".repeat(100_000);
    let bytes = format!("C{ID}\0\00\0e\0{long}\0C{ID}\0\00\0e\0short\0");
    let (mut reader, mut commit) = (LogReader::new(bytes.as_bytes()), Commit::new());
    assert!(reader.next(&mut commit).unwrap());
    assert_eq!(commit.subject.len() as u64, TEXT_BYTES_MAX);
    assert!(reader.next(&mut commit).unwrap());
    assert_eq!(commit.subject, b"short");
    let cut = &bytes.as_bytes()[..50_000];
    assert!(LogReader::new(cut).next(&mut commit).is_err());
}

#[test]
fn times_outside_of_what_can_be_said_are_clamped() {
    assert_eq!(time_ns(b"12"), Some(12_000_000_000));
    assert_eq!(time_ns(b"-12"), Some(0));
    assert_eq!(time_ns(b""), Some(0));
    assert_eq!(time_ns(b"99999999999999999999999"), Some(u64::MAX));
    assert_eq!(time_ns(b"noon"), None);
}
