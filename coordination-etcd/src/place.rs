//! A place that one alone can hold, as long as its lease: who leads, who is a participant of this name.

use etcd_client::{
    Compare, CompareOp, KeyValue, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use vexfs_replay::Error;
use vexfs_replay::coordination::ParticipantKind;

use crate::lease::Lease;
use crate::link::{Link, revision};

/// Who holds a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// On which host.
    pub host: String,
    /// Which process of it.
    pub process: u32,
    /// What it is, where it is a participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ParticipantKind>,
}

impl Holder {
    pub(crate) fn this(host: &str, kind: Option<ParticipantKind>) -> Self {
        Self { host: host.to_owned(), process: std::process::id(), kind }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on host {}", self.process, self.host)
    }
}

/// A place that is held.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) key: String,
    /// The revision at which it was taken: no one else who holds it, before or after, has the same.
    pub(crate) revision: i64,
    pub(crate) lease: Lease,
}

impl Place {
    /// Takes it, and waits for it as long as the options say where another one holds it.
    pub(crate) async fn take(link: &Link, key: String, holder: &Holder) -> Result<Self, Error> {
        let failed =
            |fault: crate::fault::Fault| fault.into_error("take a place in", &link.ground());
        let until = Instant::now() + link.options.wait_for_place;
        let lease = Lease::grant(link).await.map_err(failed)?;
        let value = serde_json::to_vec(holder).unwrap_or_default();
        let put = TxnOp::put(key.clone(), value, Some(PutOptions::new().with_lease(lease.id)));
        let txn = Txn::new()
            .when([Compare::create_revision(key.clone(), CompareOp::Equal, 0)])
            .and_then([put])
            .or_else([TxnOp::get(key.clone(), None)]);
        // Short, since whoever held it has been gone for a lease already.
        let pause = link.options.attempt / 20;
        loop {
            let answer = link.transact(&txn).await.map_err(failed)?;
            let held = got(&answer).into_iter().next();
            let taken = match &held {
                None if answer.succeeded() => Some(revision(answer.header())),
                // An attempt that wasn't answered had taken it.
                Some(kv) if kv.lease() == lease.id => Some(kv.create_revision()),
                _ => None,
            };
            if let Some(revision) = taken {
                return Ok(Self { key, revision, lease });
            }
            if let Some(kv) = held
                && Instant::now() >= until
            {
                lease.give_up(link).await;
                return Err(Error::Locked { path: key.into(), holder: told(&kv) });
            }
            sleep(pause).await;
        }
    }

    /// What is true as long as it is held.
    pub(crate) fn is_held(&self) -> Compare {
        Compare::create_revision(self.key.clone(), CompareOp::Equal, self.revision)
    }
}

/// The keys that a transaction has read.
pub(crate) fn got(answer: &TxnResponse) -> Vec<KeyValue> {
    let responses = answer.op_responses().into_iter();
    responses
        .flat_map(|response| match response {
            TxnOpResponse::Get(got) => got.kvs().to_vec(),
            _ => Vec::new(),
        })
        .collect()
}

/// Says who holds a place.
pub(crate) fn told(kv: &KeyValue) -> String {
    match serde_json::from_slice::<Holder>(kv.value()) {
        Ok(holder) => format!("{holder} holds it"),
        Err(_) => "another one holds it".to_owned(),
    }
}
