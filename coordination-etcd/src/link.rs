//! One client of etcd, as tasks have it: asks until it has an answer, or patience is over.
//!
//! Law: whatever is asked here may be asked twice. A request that wasn't answered may have happened, and happen
//! late; so what is written compares what its writer knows.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{
    Client, GetOptions, GetResponse, KeyValue, KvClient, ResponseHeader, Txn, TxnResponse,
};
use tokio::time::{Instant, sleep, timeout};
use vexfs_replay::Error;

use crate::fault::Fault;
use crate::keys::Keys;
use crate::options::EtcdOptions;

/// No answer of etcd is longer, in bytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;
/// So many keys are read at once: none is longer than what etcd takes in one request, 1.5 MiB if nobody has said
/// otherwise.
const KEYS_AT_ONCE: i64 = 32;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// One client of etcd.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) options: Arc<EtcdOptions>,
    pub(crate) keys: Keys,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("endpoints", &self.options.endpoints).finish_non_exhaustive()
    }
}

/// Keys as they were at one revision of the whole store.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) kvs: Vec<KeyValue>,
    pub(crate) revision: i64,
}

impl Link {
    pub(crate) async fn connect(options: EtcdOptions) -> Result<Self, Error> {
        let keys = Keys::new(&options.prefix);
        let options = Arc::new(options);
        let connected = Client::connect(&options.endpoints, Some(options.for_client()));
        let connected = match timeout(options.patience, connected).await {
            Ok(connected) => connected.map_err(|error| Fault::of(&error)),
            Err(_) => Err(Fault::Unanswered("it doesn't answer".to_owned())),
        };
        match connected {
            Ok(client) => Ok(Self { client, options, keys }),
            Err(fault) => Err(fault.into_error("connect to", &ground(&options))),
        }
    }

    /// Where this is, for errors.
    pub(crate) fn ground(&self) -> String {
        ground(&self.options)
    }

    /// Asks again and again, until there is an answer or patience is over.
    pub(crate) async fn ask<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let EtcdOptions { attempt: each, patience, .. } = *self.options;
        let until = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let fault = match timeout(each, attempt()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Fault::of(&error),
                Err(_) => Fault::Unanswered(format!("no answer in {} s", each.as_secs_f64())),
            };
            if matches!(fault, Fault::Refused(_)) || Instant::now() + pause >= until {
                return Err(fault.after(patience));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    pub(crate) async fn transact(&self, txn: &Txn) -> Result<TxnResponse, Fault> {
        self.ask(|| {
            let (mut kv, txn) = (self.kv(), txn.clone());
            async move { kv.txn(txn).await }
        })
        .await
    }

    /// All keys that begin so and changed since a revision, by the same revision of the store, sorted by key.
    pub(crate) async fn read(&self, prefix: &str, changed_since: i64) -> Result<Read, Fault> {
        let end = end_of(prefix);
        let mut read = Read::default();
        let mut from = prefix.as_bytes().to_vec();
        loop {
            let options = GetOptions::new()
                .with_range(end.clone())
                .with_min_mod_revision(changed_since)
                .with_limit(KEYS_AT_ONCE)
                .with_revision(read.revision);
            let response: GetResponse = self
                .ask(|| {
                    let (mut kv, from, options) = (self.kv(), from.clone(), options.clone());
                    async move { kv.get(from, Some(options)).await }
                })
                .await?;
            if read.revision == 0 {
                read.revision = revision(response.header());
            }
            read.kvs.extend(response.kvs().iter().cloned());
            match response.kvs().last() {
                Some(last) if response.more() => {
                    from = last.key().to_vec();
                    from.push(0);
                }
                _ => return Ok(read),
            }
        }
    }

    fn kv(&self) -> KvClient {
        self.client.kv_client().max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

/// The revision of the store at which an answer was given.
pub(crate) fn revision(header: Option<&ResponseHeader>) -> i64 {
    header.map_or(0, ResponseHeader::revision)
}

/// The first key behind all that begin so.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    // No byte of UTF-8 is 0xff.
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

fn ground(options: &EtcdOptions) -> String {
    format!("etcd at {} under {}", options.endpoints.join(", "), options.prefix)
}
