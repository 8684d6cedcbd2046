//! What a coordinator and a participant in another process say to each other: JSON, one line each, as
//! `docs/coordination-protocol.md` has it. Absent on purpose: sockets. Whoever has a stream of bytes can use it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::kind::ParticipantKind;
use super::message::{Answer, Call, Reply};
use super::report::Name;

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;
/// No line of a peer that hasn't been welcomed is longer, in bytes, its end included.
pub const HELLO_BYTES_MAX: usize = 4 * 1024;
/// No line is longer, in bytes, its end included.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a participant says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToCoordinator {
    /// Who it is. The first line.
    Hello(Hello),
    /// The answer to the call that came last.
    Answer(Answer),
    /// It is at work.
    Alive(Alive),
}

/// What a coordinator says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToParticipant {
    /// The answer to a hello: calls may follow.
    Welcome(Welcome),
    /// It hangs up, for a reason that lies with the participant.
    TurnedAway(TurnedAway),
    /// A question.
    Call(Call),
    /// Nothing more is asked: the participant may go.
    Ended,
}

/// Who a participant is. What a later version adds to it is passed over, so that versions can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: ParticipantKind,
    /// What it is, in words for people.
    #[serde(default)]
    pub about: String,
}

impl Hello {
    /// Of a participant that speaks this version.
    #[must_use]
    pub fn new(name: impl Into<Name>, kind: ParticipantKind, about: impl Into<String>) -> Self {
        Self { protocol: PROTOCOL, name: name.into(), kind, about: about.into() }
    }
}

/// A sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alive {
    /// The epoch of the call that it works on.
    pub epoch: u64,
}

/// What a participant is welcomed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// The version of the protocol that is spoken.
    pub protocol: u32,
    /// How often a participant that is at work gives a sign of life, in milliseconds.
    pub heartbeat_ms: u64,
}

/// Why a coordinator hung up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnedAway {
    /// Why.
    pub reason: AwayReason,
    /// The same in words for people.
    pub text: String,
}

/// Why a coordinator hangs up on a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwayReason {
    /// It speaks another version of the protocol.
    OtherProtocol,
    /// Nobody of its name takes part.
    UnknownName,
    /// Who takes part under its name is something else.
    OtherKind,
    /// Somebody of its name is connected.
    NameTaken,
    /// As many are connected as may be.
    TooMany,
    /// It said something that isn't of the protocol, or isn't said there.
    BadLine,
    /// It said more in a line than may be.
    LineTooLong,
    /// It didn't say in time who it is.
    NoHello,
}

impl AwayReason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::OtherProtocol,
        Self::UnknownName,
        Self::OtherKind,
        Self::NameTaken,
        Self::TooMany,
        Self::BadLine,
        Self::LineTooLong,
        Self::NoHello,
    ];

    /// Whether it may be welcome when it comes again.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::NameTaken | Self::TooMany | Self::NoHello)
    }
}

/// A line, its end included.
///
/// # Errors
/// When it would be longer than a line may be; then this is how long.
pub(super) fn line(message: &impl Serialize) -> Result<Vec<u8>, usize> {
    // No type of the protocol has anything that JSON hasn't.
    let mut line = serde_json::to_vec(message).map_err(|_| usize::MAX)?;
    line.push(b'\n');
    if line.len() > LINE_BYTES_MAX { Err(line.len()) } else { Ok(line) }
}

/// The line of an answer; of one that is too long, that it failed.
pub(super) fn answer_line(answer: Answer) -> Vec<u8> {
    let (epoch, round) = (answer.epoch, answer.round);
    line(&ToCoordinator::Answer(answer)).unwrap_or_else(|length| {
        let reply = Reply::Failed(too_long("the answer", length));
        line(&ToCoordinator::Answer(Answer { epoch, round, reply })).unwrap_or_default()
    })
}

pub(super) fn too_long(what: &str, length: usize) -> String {
    format!("{what} is a line of {length} bytes, and at most {LINE_BYTES_MAX} are sent")
}

/// What a line says, without its end.
///
/// # Errors
/// When it says nothing of the protocol; then this is why.
pub(super) fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}
