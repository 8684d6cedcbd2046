//! Seeded workloads: recipes and the draws that they lead to, histories for git, and on record what those
//! with a name must come to as journals.
//!
//! A recipe says what a workload is like; the draws say, record by record, what happens: which key
//! is touched, how, and in which transaction. What a draw is as an event of a journal is for the
//! caller to decide. This crate knows no journals, holds no clock and asks no system for
//! randomness: the same recipe and seed give the same draws, always.

mod dataset;
mod draws;
mod family;
mod file;
mod history;
mod keys;
mod named;
mod random;
mod recipe;
mod record;
mod schedule;

pub use dataset::{Dataset, UnknownDataset};
pub use draws::{Action, Draw, Draws, Touch};
pub use family::{Family, Mix};
pub use history::History;
pub use random::random_bytes;
pub use recipe::{KeyOrder, Recipe, RecipeError};
pub use record::{Expected, Record, SEED};
pub use schedule::Outcome;
