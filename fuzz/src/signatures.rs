//! Bytes become a signature, or a key. None but the one that was made may count, and it speaks for no
//! journal but the one that was signed.
//!
//! Absent on purpose: signatures that are made anew after an edit. Who has the secret key is trusted.

use std::sync::{Arc, OnceLock};

use vexfs_replay::Error;
use vexfs_replay::journal::Validation;
use vexfs_replay::storage::{Folder, MemoryFolder};
use vexfs_replay::trust::{Earlier, Place, SecretKey, TrustVerdict, TrustedKey, check, seal};

use crate::bases::{Ending, base};
use crate::scenes::{contents, fill, one_thread};

const NAME: &str = "signature";
/// A secret key that is none: everybody may read it here.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g
-----END PRIVATE KEY-----
";

/// What was signed, by whom, and the signature's bytes.
struct Signed {
    journal: MemoryFolder,
    key: TrustedKey,
    pem: Vec<u8>,
    signature: Vec<u8>,
}

/// Checks a journal against a signature's file, which `change` makes of the intact one.
///
/// # Panics
/// When something doesn't hold.
pub fn check_signature(journal: &MemoryFolder, change: impl Fn(&[u8]) -> Vec<u8>) {
    let signed = signed();
    let file = change(&signed.signature);
    let is_changed = file != signed.signature;
    let folder: Arc<dyn Folder> = Arc::new(journal.clone());
    let options = one_thread(Validation::Cryptographic, None);
    match check(&folder, &place(NAME, file), &signed.key, &options, &mut |_| {}) {
        Ok((_, trust)) => {
            assert!(!is_changed, "a changed signature counts: {trust:?}");
            let same = contents(journal) == contents(&signed.journal);
            assert_eq!(trust.verdict == TrustVerdict::Intact, same, "{trust:?}");
        }
        Err(Error::BadSignature { .. }) => {}
        Err(error) => panic!("{error:?}"),
    }
}

/// Reads a key's file, which `change` makes of the public or the secret one.
///
/// # Panics
/// When something doesn't hold.
pub fn check_key(change: impl Fn(&[u8]) -> Vec<u8>) {
    for intact in [&signed().pem[..], KEY.as_bytes()] {
        let folder = MemoryFolder::default();
        folder.put(NAME, change(intact));
        let public = TrustedKey::read(&folder, NAME).map(drop);
        let secret = SecretKey::read(&folder, NAME).map(drop);
        for error in [public, secret].into_iter().filter_map(Result::err) {
            assert!(matches!(error, Error::BadKey { .. }), "{error:?}");
        }
    }
}

fn place(name: &str, file: Vec<u8>) -> Place {
    let folder = MemoryFolder::default();
    folder.put(name, file);
    Place::new(Arc::new(folder), name.to_owned())
}

fn signed() -> &'static Signed {
    static MADE: OnceLock<Signed> = OnceLock::new();
    MADE.get_or_init(|| {
        let (journal, beside) = (MemoryFolder::default(), MemoryFolder::default());
        fill(&journal, base(Ending::Closed));
        beside.put("key", KEY.as_bytes().to_vec());
        let secret = SecretKey::read(&beside, "key").expect("it is a key");
        let key = secret.public();
        let pem = key.to_pem().expect("it can be written").into_bytes();
        let folder: Arc<dyn Folder> = Arc::new(journal.clone());
        let place = Place::new(Arc::new(beside.clone()), NAME.to_owned());
        let options = one_thread(Validation::Cryptographic, None);
        seal(&folder, &secret, &place, Earlier::Replaced, &options, &mut |_| {})
            .expect("the base is intact");
        let signature = beside.get(NAME).expect("it was just written");
        Signed { journal, key, pem, signature }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intact_signature_counts_and_no_other() {
        let journal = signed().journal.clone();
        let place = place(NAME, signed().signature.clone());
        let folder: Arc<dyn Folder> = Arc::new(journal.clone());
        let options = one_thread(Validation::Cryptographic, None);
        let (_, trust) = check(&folder, &place, &signed().key, &options, &mut |_| {}).unwrap();
        assert_eq!(trust.verdict, TrustVerdict::Intact);
        for at in 0..signed().signature.len() {
            check_signature(&journal, |intact| {
                let mut file = intact.to_vec();
                file[at] ^= 1;
                file
            });
        }
        check_key(<[u8]>::to_vec);
        check_key(|pem| pem[..60].to_vec());
    }
}
