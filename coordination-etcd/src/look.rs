//! What is going on, for whoever looks: all of it as it was at one revision.

use std::collections::BTreeMap;

use etcd_client::{GetOptions, KeyValue, Txn, TxnOp};
use serde::{Deserialize, Serialize};
use vexfs_replay::Error;
use vexfs_replay::coordination::{Answer, Call, Name, ParticipantKind, Phase, Request};

use crate::link::{Link, revision};
use crate::place::{Holder, got};

/// What is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Who leads, if anybody does.
    pub leader: Option<Holder>,
    /// All who take part, or did.
    pub members: BTreeMap<Name, Seen>,
    /// etcd's revision at which all of this was so.
    pub revision: i64,
}

/// What is known of one who takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Whether it is there.
    pub presence: Presence,
    /// What was asked of it last.
    pub asked: Option<Asked>,
    /// The epoch and round of its newest answer.
    pub answered: Option<(u64, u32)>,
}

/// Whether a participant is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Its lease is alive.
    Alive(Holder),
    /// It left, or its lease ran out.
    #[default]
    Gone,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// By which life of a coordinator.
    pub epoch: u64,
    /// Which question of that.
    pub round: u32,
    /// The phase.
    pub phase: Phase,
}

impl Look {
    /// The barrier that all stand at: the phase of the newest question, and who hasn't answered it.
    #[must_use]
    pub fn barrier(&self) -> Option<(Asked, Vec<&Name>)> {
        let asked = self.members.values().filter_map(|seen| seen.asked);
        let newest = asked.max_by_key(|asked| (asked.epoch, asked.round))?;
        let at = Some((newest.epoch, newest.round));
        let open = self.members.iter().filter(|(_, seen)| {
            seen.asked.map(|asked| (asked.epoch, asked.round)) == at && seen.answered != at
        });
        Some((newest, open.map(|(name, _)| name).collect()))
    }

    /// What a participant is, where it is there.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<ParticipantKind> {
        match &self.members.get(name)?.presence {
            Presence::Alive(holder) => holder.kind,
            Presence::Gone => None,
        }
    }
}

pub(crate) async fn look(link: &Link) -> Result<Look, Error> {
    let keys = &link.keys;
    let all = |prefix: String| TxnOp::get(prefix, Some(GetOptions::new().with_prefix()));
    let txn = Txn::new().and_then([
        TxnOp::get(keys.leader(), None),
        all(keys.members()),
        all(keys.calls()),
        all(keys.answers()),
    ]);
    let answer = link.transact(&txn).await;
    let answer = answer.map_err(|fault| fault.into_error("look at", &link.ground()))?;
    let mut look =
        Look { leader: None, members: BTreeMap::new(), revision: revision(answer.header()) };
    for kv in got(&answer) {
        take_in(&mut look, link, &kv);
    }
    Ok(look)
}

/// What is none of what is known here is passed over.
fn take_in(look: &mut Look, link: &Link, kv: &KeyValue) {
    let keys = &link.keys;
    let Ok(key) = kv.key_str() else { return };
    let name = |prefix: String| key.strip_prefix(prefix.as_str()).map(str::to_owned);
    if key == keys.leader() {
        look.leader = serde_json::from_slice(kv.value()).ok();
    } else if let Some(name) = name(keys.members()) {
        let holder = serde_json::from_slice(kv.value()).ok();
        look.members.entry(name).or_default().presence =
            holder.map_or(Presence::Gone, Presence::Alive);
    } else if let Some(name) = name(keys.calls()) {
        let call = serde_json::from_slice(kv.value()).ok();
        look.members.entry(name).or_default().asked = call.as_ref().map(asked);
    } else if let Some(name) = name(keys.answers()) {
        let answer: Option<Answer> = serde_json::from_slice(kv.value()).ok();
        look.members.entry(name).or_default().answered = answer.map(|it| (it.epoch, it.round));
    }
}

fn asked(call: &Call) -> Asked {
    let phase = match call.request {
        Request::Assess => Phase::Assessment,
        Request::Prepare(_) => Phase::Coordination,
        Request::Execute(_) => Phase::Execution,
        Request::Validate(_) => Phase::Validation,
        Request::RollBack | Request::CleanUp => Phase::Cleanup,
    };
    Asked { epoch: call.epoch, round: call.round, phase }
}
