//! Puts what one side says to the other: never over what it hasn't seen, and only as long as it holds its place.
//! So an attempt that wasn't answered and happens late changes nothing.

use etcd_client::{Compare, CompareOp, KeyValue, Txn, TxnOp};

use crate::fault::Fault;
use crate::link::{Link, revision};
use crate::place::got;

/// A key that one alone puts to.
#[derive(Debug)]
pub(crate) struct Slot {
    key: String,
    /// The revision of what is there, as far as it is known.
    seen: i64,
}

/// What came of putting.
#[derive(Debug)]
pub(crate) enum Put {
    Done,
    /// The place isn't held any more; who holds it now, if anybody.
    Fenced(Option<KeyValue>),
}

impl Slot {
    pub(crate) fn new(key: String) -> Self {
        Self { key, seen: 0 }
    }

    /// Puts a value, as long as the key of the place was created at this revision.
    pub(crate) async fn put(
        &mut self,
        link: &Link,
        place: (&str, i64),
        value: Vec<u8>,
    ) -> Result<Put, Fault> {
        let (place, held) = place;
        loop {
            let txn = Txn::new()
                .when([
                    Compare::create_revision(place, CompareOp::Equal, held),
                    Compare::mod_revision(self.key.as_str(), CompareOp::Equal, self.seen),
                ])
                .and_then([TxnOp::put(self.key.as_str(), value.clone(), None)])
                .or_else([TxnOp::get(place, None), TxnOp::get(self.key.as_str(), None)]);
            let answer = link.transact(&txn).await?;
            if answer.succeeded() {
                self.seen = revision(answer.header());
                return Ok(Put::Done);
            }
            let found = got(&answer);
            let at = |key: &str| found.iter().find(|kv| kv.key() == key.as_bytes());
            match at(place) {
                Some(kv) if kv.create_revision() == held => {}
                holder => return Ok(Put::Fenced(holder.cloned())),
            }
            // Whether that is what an earlier attempt has put doesn't matter: what comes twice does no harm.
            self.seen = at(&self.key).map_or(0, KeyValue::mod_revision);
        }
    }
}
