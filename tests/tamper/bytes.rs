//! Every byte of a signature and of a signed journal, and every length that a signature may be cut to: none
//! is ever taken for what was signed.

use std::time::Instant;

use vexfs_replay::Error;
use vexfs_replay::trust::SignatureFault;

use crate::scribe::Step;
use crate::signed::Signed;
use crate::small_journal::names_of;

/// Two segments, closed; the second of a writer that came later.
const STEPS: &[Step] = &[
    Step::Set(900),
    Step::Transaction(1, 200),
    Step::Commit,
    Step::Set(3_000),
    Step::Close,
    Step::Reopen,
    Step::Set(100),
    Step::Close,
];
/// How many bytes to go on by: all of them, unless the code is slow.
const STRIDE: usize = if cfg!(debug_assertions) { 29 } else { 1 };

#[test]
fn every_flipped_byte_of_a_signature_is_refused() {
    let signed = Signed::by(STEPS);
    let bytes = signed.signature();
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut flipped = bytes.clone();
            flipped[at] ^= flip;
            signed.put_signature(flipped);
            let result = signed.check();
            assert!(matches!(result, Err(Error::BadSignature { .. })), "byte {at}: {result:?}");
        }
    }
    signed.put_signature(bytes);
    assert!(signed.is_accepted());
}

#[test]
fn every_other_length_of_a_signature_is_refused() {
    let signed = Signed::by(STEPS);
    let bytes = signed.signature();
    for length in (0..bytes.len()).chain([bytes.len() + 1, bytes.len() + 8, 2 * bytes.len()]) {
        let mut other = bytes.clone();
        other.resize(length, 0);
        signed.put_signature(other);
        let result = signed.check();
        let Err(Error::BadSignature { fault, .. }) = result else { panic!("{length}: {result:?}") };
        assert!(matches!(fault, SignatureFault::Length { .. }), "{length} bytes: {fault}");
    }
}

#[test]
fn every_flipped_byte_of_a_signed_journal_is_found() {
    let (signed, started) = (Signed::by(STEPS), Instant::now());
    let mut flips = 0;
    for name in names_of(&signed.folder) {
        let content = signed.folder.get(&name).unwrap();
        for at in (0..content.len()).step_by(STRIDE) {
            let mut flipped = content.clone();
            flipped[at] ^= 0x10;
            signed.folder.put(&name, flipped);
            assert!(!signed.is_accepted(), "{name}, byte {at}");
            flips += 1;
        }
        signed.folder.put(&name, content);
    }
    eprintln!("{flips} flips, {:.1} s", started.elapsed().as_secs_f64());
    assert!(signed.is_accepted());
}

#[test]
fn every_length_that_a_signed_journal_is_cut_to_is_found() {
    let signed = Signed::by(STEPS);
    for name in names_of(&signed.folder) {
        let content = signed.folder.get(&name).unwrap();
        for length in (0..content.len()).step_by(7 * STRIDE).chain([content.len() - 1]) {
            signed.folder.put(&name, content[..length].to_vec());
            assert!(!signed.is_accepted(), "{name}, {length} bytes");
        }
        signed.folder.put(&name, content);
    }
}
