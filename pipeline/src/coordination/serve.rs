//! Answers questions for a participant: refuses what comes late, of a coordinator that was superseded or of this
//! one, and turns what goes wrong into an answer.

use super::message::{Answer, Call, Reply, Request, Turn};
use super::participant::{Participant, Vote, Work};
use crate::error::Error;

/// The latest question that a participant has heard. It must outlive the participant's crashes: a question to go
/// to a cut that comes once more after all have gone back would part it from the others.
///
/// Law: after `raise` returns, `latest` is at least that, also after a crash.
pub trait Fence: std::fmt::Debug + Send {
    /// The latest so far.
    fn latest(&self) -> Turn;

    /// Keeps a later one.
    ///
    /// # Errors
    /// When it isn't on storage.
    fn raise(&mut self, turn: Turn) -> Result<(), Error>;
}

/// Answers a question.
pub fn answer(
    participant: &mut dyn Participant,
    fence: &mut dyn Fence,
    call: &Call,
    alive: &dyn Fn(),
) -> Answer {
    let Call { epoch, round, request } = call;
    let (turn, heard) = (call.turn(), fence.latest());
    let reply = if turn < heard {
        Reply::Superseded(heard.epoch)
    } else {
        let raised = if turn > heard { fence.raise(turn) } else { Ok(()) };
        let work = Work { epoch: *epoch, alive };
        raised
            .and_then(|()| asked(participant, request, &work))
            .unwrap_or_else(|error| Reply::Failed(error.to_string()))
    };
    Answer { epoch: *epoch, round: *round, reply }
}

fn asked(
    participant: &mut dyn Participant,
    request: &Request,
    work: &Work<'_>,
) -> Result<Reply, Error> {
    let done = |()| Reply::Done;
    match request {
        Request::Assess => participant.assess(work).map(Reply::Report),
        Request::Prepare(plan) => participant.prepare(plan, work).map(|vote| match vote {
            Vote::Yes(proof) => Reply::Yes(proof),
            Vote::No(reason) => Reply::No(reason),
        }),
        Request::Execute(plan) => participant.execute(plan, work).map(done),
        Request::Validate(plan) => participant.validate(plan, work).map(Reply::Proof),
        Request::RollBack => participant.roll_back(work).map(done),
        Request::CleanUp => participant.clean_up(work).map(done),
    }
}
