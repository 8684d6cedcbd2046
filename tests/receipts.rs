//! Receipts of validated replays: they say what took no effect, hold while the journal is what it was,
//! and tell when it isn't.

#[cfg(test)]
#[path = "receipts/holding.rs"]
mod holding;
