//! What is put under some keys, from now on or from a revision on, for as long as somebody asks.
//!
//! Law: of what was put to a key, the last is given, though earlier ones may not be; nothing twice. A watch that ends,
//! be it for a member that is gone or for compaction, or that is silent while something was put, begins anew with
//! what was put since.

use std::collections::VecDeque;
use std::time::Duration;

use etcd_client::{EventType, KeyValue, WatchOptions, WatchStream};
use tokio::time::{sleep, timeout};

use crate::fault::Fault;
use crate::link::{ANSWER_BYTES_MAX, Link};

const PAUSE: Duration = Duration::from_millis(100);

/// Keys that are followed.
pub(crate) struct Follow {
    link: Link,
    prefix: String,
    /// All that was put up to here is given or ready.
    seen: i64,
    ready: VecDeque<KeyValue>,
    watch: Option<WatchStream>,
}

impl Follow {
    /// All that was put behind this revision: 0 for all that there is.
    pub(crate) fn new(link: Link, prefix: String, seen: i64) -> Self {
        Self { link, prefix, seen, ready: VecDeque::new(), watch: None }
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> KeyValue {
        loop {
            if let Some(kv) = self.ready.pop_front() {
                return kv;
            }
            if let Err(fault) = self.fill().await {
                tracing::debug!(?fault, prefix = self.prefix, "a watch begins anew");
                self.watch = None;
                sleep(PAUSE).await;
            }
        }
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        let Some(watch) = &mut self.watch else {
            self.read().await?;
            let mut client =
                self.link.client.watch_client().max_decoding_message_size(ANSWER_BYTES_MAX);
            let options = WatchOptions::new().with_prefix().with_start_revision(self.seen + 1);
            let watch = client.watch(self.prefix.as_str(), Some(options));
            let watch = timeout(self.link.options.attempt, watch).await;
            let silent = |_| Fault::Unanswered("no watch began".to_owned());
            self.watch = Some(watch.map_err(silent)?.map_err(|error| Fault::of(&error))?);
            return Ok(());
        };
        let silence = self.link.options.attempt;
        let Ok(message) = timeout(silence, watch.message()).await else {
            // What a watch should have told by now it won't tell any more.
            if self.read().await? {
                self.watch = None;
            }
            return Ok(());
        };
        let over = || Fault::Unanswered("the watch ended".to_owned());
        let message = message.map_err(|error| Fault::of(&error))?.ok_or_else(over)?;
        if message.canceled() {
            return Err(Fault::Unanswered(message.cancel_reason().to_owned()));
        }
        let events = message.events().iter();
        for event in events.filter(|event| event.event_type() == EventType::Put) {
            self.ready.extend(event.kv().filter(|kv| kv.mod_revision() > self.seen).cloned());
        }
        if let Some(last) = message.events().iter().rev().find_map(|event| event.kv()) {
            self.seen = self.seen.max(last.mod_revision());
        }
        Ok(())
    }

    /// Reads what was put since; says whether there is anything.
    async fn read(&mut self) -> Result<bool, Fault> {
        let mut read = self.link.read(&self.prefix, self.seen + 1).await?;
        read.kvs.sort_by_key(KeyValue::mod_revision);
        self.seen = self.seen.max(read.revision);
        let any = !read.kvs.is_empty();
        self.ready.extend(read.kvs);
        Ok(any)
    }
}
