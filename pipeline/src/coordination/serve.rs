//! Answers questions for a participant: refuses a coordinator that was superseded, and turns what goes wrong into
//! an answer.

use super::message::{Answer, Call, Reply, Request};
use super::participant::{Participant, Vote, Work};
use crate::error::Error;

/// The highest epoch that a participant has heard of. It must outlive the participant's crashes.
///
/// Law: after `raise` returns, `epoch` is at least that, also after a crash.
pub trait Fence: std::fmt::Debug + Send {
    /// The highest epoch so far.
    fn epoch(&self) -> u64;

    /// Keeps a higher one.
    ///
    /// # Errors
    /// When it isn't on storage.
    fn raise(&mut self, epoch: u64) -> Result<(), Error>;
}

/// Answers a question.
pub fn answer(
    participant: &mut dyn Participant,
    fence: &mut dyn Fence,
    call: &Call,
    alive: &dyn Fn(),
) -> Answer {
    let Call { epoch, round, request } = call;
    let heard = fence.epoch();
    let reply = if *epoch < heard {
        Reply::Superseded(heard)
    } else {
        let raised = if *epoch > heard { fence.raise(*epoch) } else { Ok(()) };
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
