//! Signatures against programs and code that share nothing with ours: OpenSSL checks what is signed and by
//! whom, and the rows are made again from the journal's bytes with another SHA-256.

use std::fs;
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};
use vexfs_replay::trust::TrustVerdict;

use crate::program::{Made, succeed, text_of};
use crate::signed::Signed;
use crate::small_journal::{THREE_SEGMENTS, blocks_of, names_of};

const STATEMENT_BYTES: usize = 200;
const PAGE: usize = 4096;

/// Runs OpenSSL in a folder; `None` where there is none.
fn openssl(folder: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn is_openssl_there() -> bool {
    // LibreSSL and old versions don't know ed25519 here.
    let there =
        openssl(Path::new("."), &["version"]).is_some_and(|(_, text)| text.contains("SSL 3."));
    if !there {
        eprintln!("NOT RUN: there is no OpenSSL 3 to check with");
    }
    there
}

#[test]
fn openssl_reads_our_keys_and_checks_our_signatures() {
    if !is_openssl_there() {
        return;
    }
    let made = Made::usual();
    let folder = made.folder.path();
    let key = folder.join("key");
    succeed(&["key", "generate", text_of(&key)]);
    let (_, public) = openssl(folder, &["pkey", "-in", "key", "-pubout"]).unwrap();
    assert_eq!(public, fs::read_to_string(folder.join("key.pub")).unwrap());
    let sealed = succeed(&["seal", text_of(&made.path()), "--key", text_of(&key)]);
    let bytes = fs::read(sealed["signature"].as_str().unwrap()).unwrap();
    let checks = |statement: &[u8], signature: &[u8]| {
        fs::write(folder.join("statement"), statement).unwrap();
        fs::write(folder.join("sig"), signature).unwrap();
        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin"];
        let files = ["-in", "statement", "-sigfile", "sig"];
        openssl(folder, &[&verify[..], &files].concat()).unwrap().0
    };
    let (statement, signature) = (&bytes[..STATEMENT_BYTES], &bytes[STATEMENT_BYTES..][..64]);
    assert!(checks(statement, signature));
    let mut other = statement.to_vec();
    other[90] ^= 1;
    assert!(!checks(&other, signature));
    let id = hex::encode(&statement[32..64]);
    assert_eq!(sealed["key_id"], id);
    openssl(folder, &["pkey", "-pubin", "-in", "key.pub", "-outform", "DER", "-out", "der"])
        .unwrap();
    assert_eq!(id, hex::encode(Sha256::digest(fs::read(folder.join("der")).unwrap())));
}

#[test]
fn keys_that_openssl_makes_are_keys() {
    if !is_openssl_there() {
        return;
    }
    let made = Made::usual();
    let (folder, journal) = (made.folder.path(), made.path());
    assert!(openssl(folder, &["genpkey", "-algorithm", "ed25519", "-out", "key"]).unwrap().0);
    assert!(openssl(folder, &["pkey", "-in", "key", "-pubout", "-out", "key.pub"]).unwrap().0);
    let (key, public) = (folder.join("key"), folder.join("key.pub"));
    succeed(&["seal", text_of(&journal), "--key", text_of(&key)]);
    let verified = succeed(&["verify", text_of(&journal), "--trust", text_of(&public)]);
    assert_eq!(verified["trust"]["verdict"], "intact");
    // A key of another kind is none.
    assert!(openssl(folder, &["genpkey", "-algorithm", "x25519", "-out", "other"]).unwrap().0);
    let other = folder.join("other");
    let ran = crate::program::run(&["seal", text_of(&journal), "--key", text_of(&other)]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

fn sha(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The fingerprints of a block's events, by the page that specifies them.
fn fingerprints(block: &[u8]) -> Vec<u8> {
    let (mut at, mut all) = (224, Vec::new());
    for _ in 0..u32_at(block, 144) {
        let mut event = block[at..at + u32_at(block, at) as usize].to_vec();
        at += event.len();
        let member = u64::from(u64_at(&event, 16) != 0);
        event[16..24].copy_from_slice(&member.to_le_bytes());
        event[28..32].fill(0);
        if event[24..26] == [0x02, 0x06] {
            event[44..76].fill(0);
        }
        all.extend_from_slice(&sha(&event)[..8]);
    }
    all
}

#[test]
fn the_rows_are_what_the_journal_holds() {
    let signed = Signed::by(THREE_SEGMENTS);
    let bytes = signed.signature();
    let (mut segments, mut blocks, mut prints) = (Vec::new(), Vec::new(), Vec::new());
    let mut head = (0, Vec::new());
    for (number, name) in (0_u64..).zip(names_of(&signed.folder)) {
        let content = signed.folder.get(&name).unwrap();
        let found = blocks_of(&content);
        let end = found.last().unwrap().end();
        for block in &found {
            let block = &content[block.at..block.end()];
            blocks.extend([&block[8..40], &block[144..148], &block[148..152]].concat());
            prints.extend(fingerprints(block));
            head = (u64_at(block, 120) + u64::from(u32_at(block, 144)) - 1, block[8..40].to_vec());
        }
        segments.extend(number.to_le_bytes());
        segments.extend(sha(&content[..PAGE]));
        segments.extend((found.len() as u64).to_le_bytes());
        segments.extend((end as u64).to_le_bytes());
        segments.extend(((content.len() - end) as u64).to_le_bytes());
        segments.extend(sha(&content[end..]));
    }
    let rows = [&segments[..], &blocks].concat();
    assert_eq!(&bytes[264..264 + rows.len()], rows);
    assert_eq!(&bytes[264 + rows.len()..], prints);
    assert_eq!(&bytes[..8], b"VEXJSIGN");
    assert_eq!((u32_at(&bytes, 8), u32_at(&bytes, 12)), (1, 1));
    assert_eq!(&bytes[16..32], b"small-test-vexfs");
    assert_eq!((u64_at(&bytes, 64), &bytes[72..104]), (head.0, &head.1[..]));
    let counts = [112, 120, 128].map(|at| u64_at(&bytes, at));
    assert_eq!(counts, [3, blocks.len() as u64 / 40, head.0]);
    assert_eq!(&bytes[136..168], sha(&rows));
    assert_eq!(&bytes[168..200], sha(&prints));
    assert_eq!(signed.trust().verdict, TrustVerdict::Intact);
}
