//! Keys in the files that other programs know, too: a secret key as PKCS#8 and a public one as SPKI,
//! both in PEM, as `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` make them.
//!
//! Absent on purpose: passphrases. A secret key is protected by who may read its file.

use std::fmt::Write as _;
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use vexfs_kernels::sha256;

use super::layout::SIGNATURE_BYTES;
use crate::error::{Error, IoContext as _};
use crate::storage::{self, DiskFolder, Folder};

/// The longest file that is read as a key, in bytes.
const KEY_BYTES_MAX: usize = 16 * 1024;

/// What a key is called: SHA-256 of the public key's SPKI as DER.
pub type KeyId = [u8; 32];

/// A key that signs.
pub struct SecretKey(SigningKey);

/// A public key whose signatures are believed.
#[derive(Clone, Debug)]
pub struct TrustedKey {
    key: VerifyingKey,
    id: KeyId,
}

impl std::fmt::Debug for SecretKey {
    /// Says nothing of the secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretKey")
    }
}

impl SecretKey {
    /// A new key, from the system's random numbers.
    ///
    /// # Errors
    /// [`Error::Io`] when the system has none to give.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = [0; 32];
        let filled = getrandom::fill(&mut seed).map_err(std::io::Error::other);
        filled.context("take random numbers from", "the system", None)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The secret key in a PEM file.
    ///
    /// # Errors
    /// [`Error::BadKey`] when there is none in it, [`Error::Io`] when storage fails.
    pub fn read(folder: &dyn Folder, name: &str) -> Result<Self, Error> {
        let text = read_text(folder, name)?;
        match SigningKey::from_pkcs8_pem(&text) {
            Ok(key) => Ok(Self(key)),
            Err(error) => {
                let reason = format!("no ed25519 secret key in PKCS#8 PEM ({error})");
                Err(Error::BadKey { path: folder.path(name), reason })
            }
        }
    }

    /// The public key that belongs to it.
    #[must_use]
    pub fn public(&self) -> TrustedKey {
        TrustedKey::of(self.0.verifying_key())
    }

    pub(super) fn sign(&self, statement: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(statement).to_bytes()
    }

    /// Writes the key into a new file that its owner alone may read, and the public key beside it, in a
    /// file of the same name with `.pub` behind it. Neither file may be there.
    ///
    /// # Errors
    /// [`Error::Io`] when one of them is there, or storage fails.
    pub fn write(&self, folder: &DiskFolder, name: &str) -> Result<(), Error> {
        let path = folder.path(name);
        // Without the public key in it, since OpenSSL 3.0 can't read version 2 of PKCS#8.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let secret = bytes.to_pkcs8_pem(LineEnding::LF).map_err(std::io::Error::other);
        let secret = secret.context("encode", &path, None)?;
        let public = self.public().to_pem()?;
        write_new(folder, name, secret.as_bytes(), storage::Readers::Owner)?;
        let beside = format!("{name}.pub");
        let written = write_new(folder, &beside, public.as_bytes(), storage::Readers::Everybody);
        if let Err(error) = written {
            // The file was made here, a moment ago: no key that anyone has used.
            folder.remove(name).context("remove", &path, None)?;
            return Err(error);
        }
        folder.sync_folder().context("sync", folder.path(""), None)
    }
}

impl TrustedKey {
    fn of(key: VerifyingKey) -> Self {
        // 44 bytes of which nothing can be wrong.
        let id = key.to_public_key_der().map(|der| sha256(der.as_bytes())).unwrap_or_default();
        Self { key, id }
    }

    /// The public key in a PEM file.
    ///
    /// # Errors
    /// [`Error::BadKey`] when there is none in it, [`Error::Io`] when storage fails.
    pub fn read(folder: &dyn Folder, name: &str) -> Result<Self, Error> {
        let text = read_text(folder, name)?;
        let bad = |reason| Error::BadKey { path: folder.path(name), reason };
        let key = VerifyingKey::from_public_key_pem(&text).map_err(|error| {
            let hint = if text.contains("PRIVATE KEY") { "; a secret key is none" } else { "" };
            bad(format!("no ed25519 public key in SPKI PEM ({error}){hint}"))
        })?;
        if key.is_weak() {
            return Err(bad("it is a weak key, under which anything may seem signed".to_owned()));
        }
        Ok(Self::of(key))
    }

    /// The public key as PEM.
    ///
    /// # Errors
    /// [`Error::Io`] when it can't be encoded.
    pub fn to_pem(&self) -> Result<String, Error> {
        let pem = self.key.to_public_key_pem(LineEnding::LF).map_err(std::io::Error::other);
        pem.context("encode", "the public key", None)
    }

    /// What it is called.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether the key's owner signed this statement.
    pub(super) fn has_signed(&self, statement: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.key.verify_strict(statement, &Signature::from_bytes(signature)).is_ok()
    }
}

/// The name of the file in a journal's folder in which a key's signature lies. Eight bytes of the key's
/// id are enough to tell an operator's keys apart; the file has it in full.
#[must_use]
pub fn signature_name(key: KeyId) -> String {
    let mut name = "signature-".to_owned();
    for byte in &key[..8] {
        // A string takes whatever is written.
        let _ = write!(name, "{byte:02x}");
    }
    name + ".vexj-sig"
}

fn read_text(folder: &dyn Folder, name: &str) -> Result<String, Error> {
    let path = folder.path(name);
    let file = folder.open(name).context("open", &path, None)?;
    let length = file.length().context("read the length of", &path, None)?;
    let bad = |reason: String| Error::BadKey { path: path.clone(), reason };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > KEY_BYTES_MAX {
        return Err(bad(format!("it has {length} bytes, a key has {KEY_BYTES_MAX} at most")));
    }
    let mut bytes = vec![0; length];
    storage::read_exact_at(file.as_ref(), &mut bytes, 0).context("read", &path, None)?;
    String::from_utf8(bytes).map_err(|_| bad("it is no text".to_owned()))
}

fn write_new(
    folder: &DiskFolder,
    name: &str,
    bytes: &[u8],
    readers: storage::Readers,
) -> Result<(), Error> {
    let path: &Path = &folder.path(name);
    let file = folder.create_new(name, readers).context("create", path, None)?;
    file.write_all_at(bytes, 0).context("write", path, None)?;
    file.sync().context("sync", path, None)
}
