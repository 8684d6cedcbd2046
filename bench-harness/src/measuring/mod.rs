//! How things are measured: replays in processes of their own, the machine's limits beside them, and what
//! many measurements of one thing come to.

mod quantiles;
mod replaying;
mod roofline;

pub(crate) use quantiles::{Better, Latencies, Quantiles};
pub(crate) use replaying::{Keeping, Replayed, Replaying};
pub(crate) use roofline::Rooflines;
