//! What takes part in a coordination.

use std::fmt::Debug;

use super::plan::Plan;
use super::report::{Proof, Report};
use crate::error::Error;

/// One who takes part.
///
/// Laws, which hold across crashes of the participant, too: asked again, each gives the same as the first time,
/// and what the first time led to stands, though the second is cut short.
/// Until [`Self::clean_up`], [`Self::roll_back`] brings it back to where it was before [`Self::execute`]; nobody
/// else is to rely on what it went to until then. What is no longer needed is gone after `clean_up`.
pub trait Participant: Debug + Send {
    /// Says how far it comes. Changes nothing but this: what was prepared isn't any more.
    ///
    /// # Errors
    /// When it can't tell.
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error>;

    /// Says whether it can go there: what it will have, as far as it knows; or why not.
    ///
    /// # Errors
    /// When it can't tell.
    fn prepare(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Vote, Error>;

    /// Goes there, so that it can still go back.
    ///
    /// # Errors
    /// When it isn't there.
    fn execute(&mut self, plan: &Plan, work: &Work<'_>) -> Result<(), Error>;

    /// Says what it has there, by looking.
    ///
    /// # Errors
    /// When it can't tell, or isn't there.
    fn validate(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Proof, Error>;

    /// Goes back to where it was, be it there or on the way or not even begun.
    ///
    /// # Errors
    /// When it isn't back.
    fn roll_back(&mut self, work: &Work<'_>) -> Result<(), Error>;

    /// Stays where it is, and leaves nothing behind.
    ///
    /// # Errors
    /// When something is left.
    fn clean_up(&mut self, work: &Work<'_>) -> Result<(), Error>;
}

/// Whether a participant can go to a cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vote {
    /// It can, and this is what it will have, as far as it knows.
    Yes(Proof),
    /// It can't, for this reason.
    No(String),
}

/// What a participant knows of the coordination while it works for it.
#[derive(Clone, Copy)]
pub struct Work<'w> {
    /// The epoch of the coordinator.
    pub epoch: u64,
    /// To be called now and then during long work: a sign of life.
    pub alive: &'w dyn Fn(),
}

impl Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
