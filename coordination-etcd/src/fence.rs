//! The latest question that a participant has heard, kept in etcd: for one that has no storage of its own. One that
//! has a disk keeps it there, beside what it guards: it is then right, too, where etcd was set up anew.

use etcd_client::{Compare, CompareOp, KeyValue, Txn, TxnOp};
use vexfs_replay::Error;
use vexfs_replay::coordination::{Fence, Name, Turn};

use crate::connection::Etcd;
use crate::fault::Fault;
use crate::link::revision;
use crate::place::got;

/// The latest question that a participant has heard, kept in etcd.
#[derive(Debug)]
pub struct EtcdFence {
    etcd: Etcd,
    key: String,
    latest: Turn,
    /// The revision of what is there, as far as it is known.
    seen: i64,
}

impl EtcdFence {
    pub(crate) fn open(etcd: Etcd, name: &Name) -> Result<Self, Error> {
        let key = etcd.link.keys.fence(name);
        let mut fence = Self { etcd, key, latest: Turn::default(), seen: 0 };
        let txn = Txn::new().and_then([TxnOp::get(fence.key.as_str(), None)]);
        let answer = fence.etcd.runtime.wait(fence.etcd.link.transact(&txn));
        let answer = answer.map_err(|fault| fence.failed("read a fence in", fault))?;
        fence.see(got(&answer).first());
        Ok(fence)
    }

    fn see(&mut self, kv: Option<&KeyValue>) {
        let Some(kv) = kv else { return };
        self.seen = kv.mod_revision();
        let turn = kv.value_str().ok().and_then(turn_of);
        // What is no turn was put by nobody who knows: whoever asks is refused.
        let last = Turn { epoch: u64::MAX, round: u32::MAX };
        self.latest = self.latest.max(turn.unwrap_or(last));
    }

    fn failed(&self, operation: &'static str, fault: Fault) -> Error {
        fault.into_error(operation, &self.etcd.link.ground())
    }
}

impl Fence for EtcdFence {
    fn latest(&self) -> Turn {
        self.latest
    }

    fn raise(&mut self, turn: Turn) -> Result<(), Error> {
        while self.latest < turn {
            let txn = Txn::new()
                .when([Compare::mod_revision(self.key.as_str(), CompareOp::Equal, self.seen)])
                .and_then([TxnOp::put(self.key.as_str(), text_of(turn), None)])
                .or_else([TxnOp::get(self.key.as_str(), None)]);
            let answer = self.etcd.runtime.wait(self.etcd.link.transact(&txn));
            let answer = answer.map_err(|fault| self.failed("raise a fence in", fault))?;
            if answer.succeeded() {
                (self.latest, self.seen) = (turn, revision(answer.header()));
            } else {
                self.see(got(&answer).first());
            }
        }
        if self.latest > turn {
            let Turn { epoch, round } = self.latest;
            let reason = format!("another one has heard question {round} of epoch {epoch}");
            return Err(self.failed("raise a fence in", Fault::Refused(reason)));
        }
        Ok(())
    }
}

fn text_of(Turn { epoch, round }: Turn) -> String {
    format!("{epoch} {round}")
}

fn turn_of(text: &str) -> Option<Turn> {
    let (epoch, round) = text.split_once(' ')?;
    Some(Turn { epoch: epoch.parse().ok()?, round: round.parse().ok()? })
}
