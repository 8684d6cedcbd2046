//! Participants in the same process: a thread each.
//!
//! A thread has one call before it at most, the newest: whoever asks again, or asks something else, doesn't wait
//! for an answer to the one before. A participant that panics has failed to answer, and is asked again.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::beat::Beat;
use super::engine::Event;
use super::ground::{Clock, Transport};
use super::mail::Mail;
use super::message::{Answer, Call, Reply};
use super::participant::Participant;
use super::report::Name;
use super::serve::{Fence, answer};
use crate::error::Error;
use crate::flow::{panicked, spawn_alone};

/// A participant, and the highest epoch that it has heard of.
#[derive(Debug)]
pub struct Local {
    /// The participant.
    pub participant: Box<dyn Participant>,
    /// The highest epoch that it has heard of.
    pub fence: Box<dyn Fence>,
}

/// Participants in the same process. Dropped, it waits until each has ended what it does.
#[derive(Debug)]
pub struct Threads {
    mail: Mail,
    desks: BTreeMap<Name, Desk>,
}

/// How to reach a participant's thread.
#[derive(Debug)]
struct Desk {
    /// Hung up to end the thread.
    calls: Option<Sender<Call>>,
    /// The other end, to take back a call that a newer one takes the place of.
    waiting: Receiver<Call>,
    thread: Option<JoinHandle<()>>,
}

impl Threads {
    /// Starts a thread for each; signs of life are given `every` so often.
    ///
    /// # Errors
    /// [`Error::NoThread`] when the system gives none.
    pub fn start(
        locals: BTreeMap<Name, Local>,
        clock: &Arc<dyn Clock>,
        every: Duration,
        mail: Mail,
    ) -> Result<Self, Error> {
        let mut threads = Self { mail, desks: BTreeMap::new() };
        for (name, mut local) in locals {
            let (calls, waiting) = bounded::<Call>(1);
            let (incoming, mail) = (waiting.clone(), threads.mail.clone());
            let (its_name, clock) = (name.clone(), clock.clone());
            let thread = spawn_alone("participant", move || {
                for call in incoming {
                    let beat = Beat::new(&*clock, every);
                    let alive = || {
                        if beat.is_due() {
                            mail.alive(&its_name, call.epoch);
                        }
                    };
                    mail.answered(&its_name, answered(&mut local, &call, &alive));
                }
            })?;
            let desk = Desk { calls: Some(calls), waiting, thread: Some(thread) };
            threads.desks.insert(name, desk);
        }
        Ok(threads)
    }
}

/// Answers a call for a participant, whatever it does.
pub(super) fn answered(local: &mut Local, call: &Call, alive: &dyn Fn()) -> Answer {
    let Local { participant, fence } = local;
    let answer = || answer(&mut **participant, &mut **fence, call, alive);
    // What is left of it in memory is as it would be after any other failure: laws of participants hold
    // across crashes.
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|panic| {
        let reply = Reply::Failed(panicked(&*panic).to_string());
        Answer { epoch: call.epoch, round: call.round, reply }
    })
}

impl Transport for Threads {
    fn send(&mut self, to: &Name, call: Call) {
        let Some(desk) = self.desks.get(to) else {
            return self.mail.failed(to, &call, format!("nobody of the name {to} is here"));
        };
        let Some(calls) = &desk.calls else { return };
        let mut next = call;
        while let Err(TrySendError::Full(call)) = calls.try_send(next) {
            // What was asked before counts no more.
            let _ = desk.waiting.try_recv();
            next = call;
        }
    }

    fn events(&self) -> Receiver<Event> {
        self.mail.events()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for desk in self.desks.values_mut() {
            desk.calls = None;
            // What nobody has begun with needn't be done.
            let _ = desk.waiting.try_recv();
        }
        for desk in self.desks.values_mut() {
            if let Some(thread) = desk.thread.take() {
                // Whatever a participant does, it has been caught.
                let _ = thread.join();
            }
        }
    }
}
