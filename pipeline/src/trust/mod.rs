//! Tamper evidence: a signature over all that a journal holds, by which anyone who has the public key can
//! tell later whether something was changed, cut off or put in since, and where.
//!
//! A journal's hash chain has no key: who can write to the folder can alter an event and make the rest
//! anew. A signature can't be made anew by who hasn't the secret key.

mod align;
mod check;
mod compare;
mod fault;
mod fingerprint;
mod keys;
pub mod layout;
mod report;
mod rest;
mod scan;
mod sign;
mod signature;

pub use check::check;
pub use fault::SignatureFault;
pub use keys::{KeyId, SecretKey, TrustedKey, signature_name};
pub use report::{
    Appended, At, DIFFERENCES_MAX, Difference, Kind, Side, Trust, TrustVerdict, What,
};
pub use sign::{Earlier, Sealed, seal};
pub use signature::Place;
