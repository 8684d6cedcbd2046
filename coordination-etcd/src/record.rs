//! Decisions in etcd: a key an entry, by its index. Who leads holds the leader's place, and each entry is put by a
//! transaction that compares that place and that nothing is at the index: so there is one order, and nobody who
//! was superseded appends to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use etcd_client::{Compare, CompareOp, KeyValue, Txn, TxnOp};
use vexfs_replay::Error;
use vexfs_replay::coordination::{DecisionRecord, Entry};

use crate::connection::Etcd;
use crate::fault::Fault;
use crate::link::{Link, Read};
use crate::place::{Holder, Place, got, told};

/// All entries together are no longer, in bytes.
const BYTES_MAX: usize = 256 << 20;

/// The revision at which the leader's place was taken, for whoever may only do something as long as that is so.
pub(crate) type Leads = Arc<AtomicI64>;
/// Where it isn't taken. Not 0, which etcd takes for a key that isn't there: nobody leads then.
const NEVER: i64 = -1;

/// Decisions in etcd. Dropped, it leads no more.
#[derive(Debug)]
pub struct EtcdRecord {
    etcd: Etcd,
    leads: Leads,
    lead: Option<Lead>,
}

#[derive(Debug)]
struct Lead {
    place: Place,
    next: u64,
    /// Once nothing certain is known of an entry no other one is appended, since it may be there all the same.
    dead: bool,
}

impl EtcdRecord {
    pub(crate) fn new(etcd: Etcd) -> Self {
        Self { etcd, leads: Arc::new(AtomicI64::new(NEVER)), lead: None }
    }

    pub(crate) fn leads(&self) -> Leads {
        Arc::clone(&self.leads)
    }

    /// All entries so far, whoever leads. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Ground`] when etcd can't be read, [`Error::BadRecord`] when an entry is none.
    pub fn read(&self) -> Result<Vec<Entry>, Error> {
        self.etcd.runtime.wait(entries(&self.etcd.link))
    }

    fn resign(&mut self) {
        self.leads.store(NEVER, Ordering::SeqCst);
        if let Some(lead) = self.lead.take() {
            self.etcd.runtime.wait(lead.place.lease.give_up(&self.etcd.link));
        }
    }
}

impl DecisionRecord for EtcdRecord {
    fn lead(&mut self) -> Result<Vec<Entry>, Error> {
        // Who leads already may have lost what it knows.
        self.resign();
        let Etcd { link, runtime } = &self.etcd;
        let (place, entries) = runtime.wait(async {
            let holder = Holder::this(&link.options.host, None);
            let place = Place::take(link, link.keys.leader(), &holder).await?;
            // From here on nobody else appends: what is read is all there is.
            match entries(link).await {
                Ok(entries) => Ok((place, entries)),
                Err(error) => {
                    place.lease.give_up(link).await;
                    Err(error)
                }
            }
        })?;
        self.leads.store(place.revision, Ordering::SeqCst);
        self.lead = Some(Lead { place, next: entries.len() as u64, dead: false });
        Ok(entries)
    }

    fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(lead) = self.lead.as_mut().filter(|lead| !lead.dead) else {
            return Err(Error::WriterDead { cause: "it doesn't lead".to_owned() });
        };
        lead.dead = true;
        let Etcd { link, runtime } = &self.etcd;
        runtime.wait(append(link, lead, entry))?;
        lead.dead = false;
        lead.next += 1;
        Ok(())
    }
}

impl Drop for EtcdRecord {
    fn drop(&mut self) {
        self.resign();
    }
}

async fn append(link: &Link, lead: &Lead, entry: &Entry) -> Result<(), Error> {
    let failed = |fault: Fault| fault.into_error("append a decision to", &link.ground());
    let key = link.keys.entry(lead.next);
    let value =
        serde_json::to_vec(entry).map_err(|error| failed(Fault::Refused(error.to_string())))?;
    let mut compares =
        vec![lead.place.is_held(), Compare::create_revision(key.clone(), CompareOp::Equal, 0)];
    if let Some(before) = lead.next.checked_sub(1) {
        let before = link.keys.entry(before);
        compares.push(Compare::create_revision(before, CompareOp::Greater, 0));
    }
    let txn = Txn::new()
        .when(compares)
        .and_then([TxnOp::put(key.clone(), value.clone(), None)])
        .or_else([TxnOp::get(lead.place.key.clone(), None), TxnOp::get(key.clone(), None)]);
    let answer = link.transact(&txn).await.map_err(failed)?;
    if answer.succeeded() {
        return Ok(());
    }
    let found = got(&answer);
    let at = |key: &str| found.iter().find(|kv| kv.key() == key.as_bytes());
    match (at(&lead.place.key), at(&key)) {
        // An attempt that wasn't answered had put it: nobody else could, as long as the place is held.
        (Some(leader), Some(kept))
            if leader.create_revision() == lead.place.revision && kept.value() == value =>
        {
            Ok(())
        }
        (Some(leader), _) if leader.create_revision() == lead.place.revision => {
            let reason = format!("{key} isn't what its leader left there");
            Err(failed(Fault::Refused(reason)))
        }
        (Some(leader), _) => Err(Error::Locked {
            path: leader.key_str().unwrap_or_default().into(),
            holder: told(leader),
        }),
        (None, _) => {
            Err(failed(Fault::Refused("its lease is over, and it leads no more".to_owned())))
        }
    }
}

async fn entries(link: &Link) -> Result<Vec<Entry>, Error> {
    let read = link.read(&link.keys.entries(), 0).await;
    let Read { kvs, .. } = read.map_err(|fault| fault.into_error("read", &link.ground()))?;
    let mut bytes = 0_usize;
    kvs.iter()
        .enumerate()
        .map(|(index, kv)| {
            bytes = bytes.saturating_add(kv.value().len());
            parse(link, index as u64, kv, bytes)
        })
        .collect()
}

fn parse(link: &Link, index: u64, kv: &KeyValue, bytes: usize) -> Result<Entry, Error> {
    let key = link.keys.entry(index);
    let bad = |reason| Error::BadRecord { path: key.clone().into(), offset: 0, reason };
    if kv.key() != key.as_bytes() {
        return Err(bad(format!("there is {} instead", String::from_utf8_lossy(kv.key()))));
    }
    if bytes > BYTES_MAX {
        return Err(bad(format!(
            "up to it there are {bytes} bytes, and at most {BYTES_MAX} are read"
        )));
    }
    serde_json::from_slice(kv.value()).map_err(|error| bad(error.to_string()))
}
