//! Drives a coordination: does what the engine says, on the ground that it stands on.

use std::fmt::Debug;

use crossbeam_channel::{Receiver, never, select_biased};

use super::engine::{Action, Engine, Event, Times};
use super::ground::{Clock, DecisionRecord, Transport};
use super::machine::{End, Input, Machine};
use super::record::Memory;
use super::terms::Terms;
use crate::error::Error;

/// What a coordination stands on.
#[derive(Debug)]
pub struct Ground<'g> {
    /// Where its decisions are kept.
    pub record: &'g mut dyn DecisionRecord,
    /// How questions come to participants.
    pub transport: &'g mut dyn Transport,
    /// What time it is.
    pub clock: &'g dyn Clock,
    /// What somebody says meanwhile: rulings, cancels.
    pub said: &'g Receiver<Input>,
}

/// What is to be done when somebody has to say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It is waited until somebody does.
    Wait,
    /// It ends; another life goes on when somebody has.
    End,
}

/// How a life of a coordinator ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// With the coordination.
    Ended(End),
    /// Somebody has to say something first.
    Waits,
}

/// Holds a coordination on these terms, or goes on with the one that is under way; `watch` sees it after every
/// step.
///
/// # Errors
/// When the decisions so far can't be read or another coordinator leads.
pub fn coordinate(
    terms: Terms,
    times: Times,
    patience: Patience,
    ground: Ground<'_>,
    watch: &mut dyn FnMut(&Machine),
) -> Result<(Life, Engine), Error> {
    let Ground { record, transport, clock, said } = ground;
    let memory = Memory::of(&record.lead()?);
    let mut engine = Engine::new(Machine::new(terms, memory), times);
    let (mut events, mut said) = (transport.events(), said.clone());
    let mut next = Event::Begun;
    loop {
        let mut actions = engine.handle(clock.now(), next).into_iter();
        while let Some(action) = actions.next() {
            match action {
                Action::Send(name, call) => transport.send(&name, call),
                Action::Record(entry) => {
                    let kept = record.append(&entry);
                    let input = match kept {
                        Ok(()) => Input::Recorded,
                        Err(error) => {
                            tracing::error!(%error, "a decision could not be kept");
                            Input::RecordFailed
                        }
                    };
                    let follow = engine.handle(clock.now(), Event::Came(input));
                    actions = actions.chain(follow).collect::<Vec<_>>().into_iter();
                }
                Action::Wait if patience == Patience::End => {
                    watch(engine.machine());
                    return Ok((Life::Waits, engine));
                }
                Action::Wait => {}
                Action::End(end) => {
                    watch(engine.machine());
                    return Ok((Life::Ended(end), engine));
                }
            }
        }
        watch(engine.machine());
        let alarm = clock.alarm(engine.wakes_at());
        next = select_biased! {
            recv(said) -> input => input.map_or_else(
                |_| {
                    said = never();
                    Event::TimePassed
                },
                Event::Came,
            ),
            recv(events) -> event => event.unwrap_or_else(|_| {
                // Nobody is there any more who could answer; time goes on.
                events = never();
                Event::TimePassed
            }),
            recv(alarm) -> _ => Event::TimePassed,
        };
    }
}
