//! How things are measured: replays in processes of their own, the machine's limits beside them, and what
//! many measurements of one thing come to.

mod child;
mod quantiles;
mod recovering;
mod replaying;
mod roofline;

pub(crate) use child::json_of;
pub(crate) use quantiles::{Better, Latencies, Quantiles};
pub(crate) use recovering::{RecoveredOnce, Recovering, places};
pub(crate) use replaying::{Keeping, Replayed, Replaying};
pub(crate) use roofline::Rooflines;
