//! Seeded workloads: recipes, and the draws that they lead to.
//!
//! A recipe says what a workload is like; the draws say, record by record, what happens: which key
//! is touched, how, and in which transaction. What a draw is as an event of a journal is for the
//! caller to decide. This crate knows no journals, holds no clock and asks no system for
//! randomness: the same recipe and seed give the same draws, always.

mod draws;
mod family;
mod keys;
mod random;
mod recipe;
mod schedule;

pub use draws::{Action, Draw, Draws, Touch};
pub use family::{Family, Mix};
pub use random::random_bytes;
pub use recipe::{KeyOrder, Recipe, RecipeError};
pub use schedule::Outcome;
