//! The stages of a replay, each one verb over a batch. A stage knows no threads, no channels and no
//! files; `flow.rs` wires them together.

pub(crate) mod apply;
pub(crate) mod decode;
pub(crate) mod fetch;
pub(crate) mod ledger;
pub(crate) mod partition;
pub(crate) mod skipped;
pub(crate) mod transactions;
pub(crate) mod verify;
