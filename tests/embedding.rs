//! The example of a store that embeds the library, as a process of its own that is killed at any moment:
//! what it acknowledged is there after the next start, and nothing that nobody wrote. And that its page
//! shows it as it is.

#[cfg(test)]
#[path = "embedding/kills.rs"]
mod kills;
#[cfg(test)]
#[allow(dead_code, reason = "its main function is the example's own")]
#[path = "../pipeline/examples/kv_store.rs"]
mod kv_store;
#[cfg(test)]
#[path = "embedding/page.rs"]
mod page;
