//! The highest epoch that a participant has heard of, kept in etcd: for one that has no storage of its own. One
//! that has a disk keeps it there, beside what it guards: it is then right, too, where etcd was set up anew.

use etcd_client::{Compare, CompareOp, KeyValue, Txn, TxnOp};
use vexfs_replay::Error;
use vexfs_replay::coordination::{Fence, Name};

use crate::connection::Etcd;
use crate::fault::Fault;
use crate::link::revision;
use crate::place::got;

/// The highest epoch that a participant has heard of, kept in etcd.
#[derive(Debug)]
pub struct EtcdFence {
    etcd: Etcd,
    key: String,
    epoch: u64,
    /// The revision of what is there, as far as it is known.
    seen: i64,
}

impl EtcdFence {
    pub(crate) fn open(etcd: Etcd, name: &Name) -> Result<Self, Error> {
        let key = etcd.link.keys.fence(name);
        let mut fence = Self { etcd, key, epoch: 0, seen: 0 };
        let txn = Txn::new().and_then([TxnOp::get(fence.key.as_str(), None)]);
        let answer = fence.etcd.runtime.wait(fence.etcd.link.transact(&txn));
        let answer = answer.map_err(|fault| fence.failed("read a fence in", fault))?;
        fence.see(got(&answer).first());
        Ok(fence)
    }

    fn see(&mut self, kv: Option<&KeyValue>) {
        let Some(kv) = kv else { return };
        self.seen = kv.mod_revision();
        let epoch = kv.value_str().ok().and_then(|text| text.parse().ok());
        // What is no epoch was put by nobody who knows: whoever asks is refused.
        self.epoch = self.epoch.max(epoch.unwrap_or(u64::MAX));
    }

    fn failed(&self, operation: &'static str, fault: Fault) -> Error {
        fault.into_error(operation, &self.etcd.link.ground())
    }
}

impl Fence for EtcdFence {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn raise(&mut self, epoch: u64) -> Result<(), Error> {
        while self.epoch < epoch {
            let txn = Txn::new()
                .when([Compare::mod_revision(self.key.as_str(), CompareOp::Equal, self.seen)])
                .and_then([TxnOp::put(self.key.as_str(), epoch.to_string(), None)])
                .or_else([TxnOp::get(self.key.as_str(), None)]);
            let answer = self.etcd.runtime.wait(self.etcd.link.transact(&txn));
            let answer = answer.map_err(|fault| self.failed("raise a fence in", fault))?;
            if answer.succeeded() {
                (self.epoch, self.seen) = (epoch, revision(answer.header()));
            } else {
                self.see(got(&answer).first());
            }
        }
        if self.epoch > epoch {
            let reason = format!("another one has heard of the epoch {}", self.epoch);
            return Err(self.failed("raise a fence in", Fault::Refused(reason)));
        }
        Ok(())
    }
}
