//! The coordination service: several journals, one truth. After a crash each comes back alone to a different
//! point; the service brings all of them to one consistent cut, or says why it can't.
//!
//! A [`Machine`] decides, and is pure: reports, votes and time that ran out come in, and questions, entries of a
//! durable record and ends come out. An [`Engine`] is the same with times, and is pure, too. A [`Participant`]
//! acts, and [`answer`] asks it.

mod beat;
mod conflict;
mod cut;
mod drive;
mod engine;
mod file_fence;
mod file_record;
mod find;
mod ground;
mod join;
mod kind;
mod machine;
mod mail;
mod message;
mod participant;
pub mod participants;
mod plan;
pub mod protocol;
mod record;
mod report;
mod resolve;
mod routed;
mod serve;
mod service;
pub mod site;
mod snapshot;
mod sockets;
mod terms;
#[cfg(test)]
mod tests;
mod threads;

pub use conflict::{Conflict, DRIFT_MAJOR_EVENTS, Resolution, Ruling, Severity};
pub use cut::{Verdict, Verdicts};
pub use drive::{Ground, Life, Patience, coordinate};
pub use engine::{Action, Engine, Event, Times};
pub use file_fence::FileFence;
pub use file_record::FileRecord;
pub use ground::{Clock, DecisionRecord, SystemClock, Transport};
pub use join::{JoinEvent, Rejoin, join};
pub use kind::{ParticipantKind, Phase};
pub use machine::{End, Found, Input, Machine, Output, Timer};
pub use mail::Mail;
pub use message::{Answer, Call, Reply, Request, Turn};
pub use participant::{Participant, Vote, Work};
pub use plan::Plan;
pub use record::{Ends, Entry, Memory, Refusal, UnderWay};
pub use report::{CutDigest, Name, Place, Proof, Report, Role, Said, Standing, Stream};
pub use routed::Routed;
pub use serve::{Fence, answer};
pub use service::{Service, Setup, Statistics};
pub use snapshot::{ConflictState, MemberState, Snapshot, State};
pub use sockets::{SocketHub, SocketOptions, SocketTransport};
pub use terms::{InDoubt, Loss, Member, Need, Policy, SHARED_FROM, Shared, Sharing, Terms};
pub use threads::{Local, Threads};
