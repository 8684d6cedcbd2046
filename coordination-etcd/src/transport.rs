//! Questions and answers as keys: the newest question to each participant, and its newest answer. Whoever comes
//! later, or again, finds the question there.
//!
//! A barrier between phases needs nothing else: the machine asks a round's question of all, and the next one once
//! all answers of that round are there. Everyone sees which it is ([`crate::Etcd::look`]).

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use etcd_client::KeyValue;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use vexfs_replay::coordination::{Answer, Call, Event, Name, Reply, Transport};

use crate::call::{Put, Slot};
use crate::connection::Etcd;
use crate::fault::Fault;
use crate::follow::Follow;
use crate::link::Link;
use crate::place::told;
use crate::record::Leads;

/// So many events wait for whoever takes them.
const EVENTS: usize = 1024;
/// How long a task waits for room among them: a thread could wait for the room itself, a task can't.
const PAUSE: Duration = Duration::from_millis(5);

/// Questions and answers in etcd. Dropped, its tasks end.
#[derive(Debug)]
pub struct EtcdTransport {
    etcd: Etcd,
    leads: Leads,
    events: (Sender<Event>, Receiver<Event>),
    /// To the task that asks each: the newest question alone.
    callers: BTreeMap<Name, watch::Sender<Option<Call>>>,
    tasks: JoinSet<()>,
}

impl EtcdTransport {
    pub(crate) fn new(etcd: Etcd, leads: Leads) -> Self {
        let events = bounded(EVENTS);
        let mut tasks = JoinSet::new();
        let (link, handle) = (&etcd.link, etcd.runtime.handle());
        let follow = |prefix| Follow::new(link.clone(), prefix, 0);
        let (answers, signs) = (follow(link.keys.answers()), follow(link.keys.signs()));
        tasks.spawn_on(hear(answers, link.keys.answers(), answered, events.0.clone()), handle);
        tasks.spawn_on(hear(signs, link.keys.signs(), alive, events.0.clone()), handle);
        Self { etcd, leads, events, callers: BTreeMap::new(), tasks }
    }
}

impl Transport for EtcdTransport {
    fn send(&mut self, to: &Name, call: Call) {
        let Self { etcd, leads, events, callers, tasks } = self;
        let caller = callers.entry(to.clone()).or_insert_with(|| {
            let (caller, calls) = watch::channel(None);
            let asks =
                ask(etcd.link.clone(), Leads::clone(leads), to.clone(), calls, events.0.clone());
            tasks.spawn_on(asks, etcd.runtime.handle());
            caller
        });
        caller.send_replace(Some(call));
    }

    fn events(&self) -> Receiver<Event> {
        self.events.1.clone()
    }
}

/// Asks one participant: the newest question, until it is there.
async fn ask(
    link: Link,
    leads: Leads,
    name: Name,
    mut calls: watch::Receiver<Option<Call>>,
    events: Sender<Event>,
) {
    let mut slot = Slot::new(link.keys.call(&name));
    let leader = link.keys.leader();
    while calls.changed().await.is_ok() {
        let Some(call) = calls.borrow_and_update().clone() else { continue };
        let value = serde_json::to_vec(&call).unwrap_or_default();
        let put = loop {
            let held = leads.load(Ordering::SeqCst);
            let put = slot.put(&link, (&leader, held), value.clone()).await;
            // A newer question makes this one needless.
            if !matches!(put, Err(Fault::Unanswered(_))) || calls.has_changed().unwrap_or(true) {
                break put;
            }
        };
        let reason = match put {
            Ok(Put::Done) | Err(Fault::Unanswered(_)) => continue,
            Ok(Put::Fenced(Some(leader))) => {
                format!(
                    "it can't be asked, since this coordinator leads no more: {}",
                    told(&leader)
                )
            }
            Ok(Put::Fenced(None)) => {
                "it can't be asked, since this coordinator's lease is over".to_owned()
            }
            Err(Fault::Refused(reason)) => format!("it can't be asked: {reason}"),
        };
        let answer = Answer { epoch: call.epoch, round: call.round, reply: Reply::Failed(reason) };
        give(&events, Event::Answered(name.clone(), answer)).await;
    }
}

/// Hands on what is put.
async fn hear(
    mut follow: Follow,
    prefix: String,
    parse: fn(Name, &KeyValue) -> Option<Event>,
    events: Sender<Event>,
) {
    loop {
        let kv = follow.next().await;
        let name = kv.key_str().ok().and_then(|key| key.strip_prefix(&prefix));
        match name.and_then(|name| parse(name.to_owned(), &kv)) {
            Some(event) => give(&events, event).await,
            None => {
                tracing::warn!(key = kv.key_str().unwrap_or_default(), "no answer that is known");
            }
        }
    }
}

fn answered(name: Name, kv: &KeyValue) -> Option<Event> {
    serde_json::from_slice(kv.value()).ok().map(|answer| Event::Answered(name, answer))
}

fn alive(name: Name, kv: &KeyValue) -> Option<Event> {
    kv.value_str().ok()?.parse().ok().map(|epoch| Event::Alive(name, epoch))
}

/// Sends into a channel that threads receive from, and waits where it is full.
pub(crate) async fn give<T>(to: &Sender<T>, mut it: T) {
    while let Err(TrySendError::Full(back)) = to.try_send(it) {
        it = back;
        sleep(PAUSE).await;
    }
}
