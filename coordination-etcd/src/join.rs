//! The other side: a participant that is served from etcd until the coordination has ended.
//!
//! It works on the caller's thread; what is asked meanwhile waits, and of that the newest alone counts.

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use etcd_client::{KeyValue, PutOptions, Txn, TxnOp};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Answer, Call, Entry, Fence, Name, Participant, ParticipantKind, Reply, answer,
};

use crate::call::{Put, Slot};
use crate::connection::Etcd;
use crate::fault::Fault;
use crate::follow::Follow;
use crate::link::Link;
use crate::place::{Holder, Place};
use crate::transport::give;

/// So many questions wait while one is answered.
const CALLS: usize = 16;

/// Who joins, and until when.
#[derive(Clone, Debug)]
pub struct Joining {
    /// Under which name: the one that the terms call it by.
    pub name: Name,
    /// What it is.
    pub kind: ParticipantKind,
    /// Until when.
    pub until: Until,
}

/// Until when a participant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until a coordination ends, after it has joined.
    Ended,
    /// Until the caller says so.
    Stopped,
}

impl Etcd {
    /// Registers a participant and answers what is asked of it, until a coordination has ended or `stop` says so
    /// (by a message, or by having no sender any more). What was asked before and isn't answered it answers first.
    ///
    /// Where it was cut off for so long that its lease is over, it registers again.
    ///
    /// # Errors
    /// [`Error::Locked`] where another one has this name; [`Error::Ground`] when etcd refuses.
    pub fn join(
        &self,
        joining: &Joining,
        participant: &mut dyn Participant,
        fence: &mut dyn Fence,
        stop: &Receiver<()>,
    ) -> Result<(), Error> {
        let mut served = Served { etcd: self, joining, seat: Seat::take(self, joining)?, stop };
        let result = served.serve(participant, fence);
        let place = &served.seat.place;
        self.runtime.wait(place.lease.give_up(&self.link));
        result
    }
}

/// A participant that is served.
struct Served<'s> {
    etcd: &'s Etcd,
    joining: &'s Joining,
    seat: Seat,
    stop: &'s Receiver<()>,
}

/// How it goes on.
#[derive(PartialEq, Eq)]
enum Then {
    Goes,
    Ends,
}

impl Served<'_> {
    fn serve(
        &mut self,
        participant: &mut dyn Participant,
        fence: &mut dyn Fence,
    ) -> Result<(), Error> {
        let Etcd { link, runtime } = self.etcd;
        let name = &self.joining.name;
        let own = link.keys.answer(name);
        let answered = runtime.wait(link.read(&own, 0));
        let answered = answered.map_err(|fault| fault.into_error("join", &link.ground()))?;
        let mut slot = Slot::new(own.clone());
        let last = answered.kvs.iter().find(|kv| kv.key() == own.as_bytes());
        let ears = Ears::open(self.etcd, name, answered.revision);
        let ended = match self.joining.until {
            Until::Ended => ears.ended.clone(),
            Until::Stopped => never(),
        };
        loop {
            let mut kv = select! {
                recv(ears.calls) -> kv => match kv {
                    Ok(kv) => kv,
                    Err(_) => return Ok(()),
                },
                recv(ended) -> _ => return Ok(()),
                recv(self.seat.over) -> _ => {
                    self.seat = Seat::take(self.etcd, self.joining)?;
                    continue;
                }
                recv(self.stop) -> _ => return Ok(()),
            };
            kv = ears.calls.try_iter().last().unwrap_or(kv);
            let Ok(call) = serde_json::from_slice::<Call>(kv.value()) else {
                tracing::warn!(%name, "a question that isn't known");
                continue;
            };
            if last.is_some_and(|last| answers(last, &kv, &call)) {
                continue;
            }
            self.seat.alive(call.epoch);
            let answer = answer(participant, fence, &call, &|| self.seat.alive(call.epoch));
            if self.give(&mut slot, answer)? == Then::Ends {
                return Ok(());
            }
        }
    }

    /// Puts an answer, be it after etcd has come back.
    fn give(&mut self, slot: &mut Slot, mut answer: Answer) -> Result<Then, Error> {
        let Etcd { link, runtime } = self.etcd;
        loop {
            let value = serde_json::to_vec(&answer).unwrap_or_default();
            let bytes = value.len();
            let place = &self.seat.place;
            match runtime.wait(slot.put(link, (&place.key, place.revision), value)) {
                Ok(Put::Done) => return Ok(Then::Goes),
                Ok(Put::Fenced(_)) => self.seat = Seat::take(self.etcd, self.joining)?,
                Err(fault @ Fault::Refused(_)) if matches!(answer.reply, Reply::Failed(_)) => {
                    return Err(fault.into_error("answer in", &link.ground()));
                }
                Err(Fault::Refused(reason)) => {
                    let reason = format!("its answer of {bytes} bytes can't be given: {reason}");
                    answer.reply = Reply::Failed(reason);
                }
                Err(Fault::Unanswered(reason)) => {
                    tracing::warn!(reason, "an answer isn't given yet");
                    if self.is_stopped() {
                        return Ok(Then::Ends);
                    }
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        use crossbeam_channel::TryRecvError;
        self.stop.try_recv() != Err(TryRecvError::Empty)
    }
}

/// Whether a question was answered before: by an answer that was put after it was asked last.
fn answers(last: &KeyValue, asked: &KeyValue, call: &Call) -> bool {
    let answer = serde_json::from_slice::<Answer>(last.value());
    last.mod_revision() > asked.mod_revision()
        && answer.is_ok_and(|it| (it.epoch, it.round) == (call.epoch, call.round))
}

/// What a participant hears of.
struct Ears {
    calls: Receiver<KeyValue>,
    ended: Receiver<()>,
    _tasks: JoinSet<()>,
}

impl Ears {
    /// All that is asked, and what ends from a revision on.
    fn open(etcd: &Etcd, name: &Name, since: i64) -> Self {
        let (link, handle) = (&etcd.link, etcd.runtime.handle());
        let key = link.keys.call(name);
        let asked = Follow::new(link.clone(), key.clone(), 0);
        let decided = Follow::new(link.clone(), link.keys.entries(), since);
        let ((to_calls, calls), (to_ended, ended)) = (bounded(CALLS), bounded(1));
        let mut tasks = JoinSet::new();
        tasks.spawn_on(hear_calls(asked, key, to_calls), handle);
        tasks.spawn_on(hear_end(decided, to_ended), handle);
        Self { calls, ended, _tasks: tasks }
    }
}

async fn hear_calls(mut asked: Follow, key: String, calls: Sender<KeyValue>) {
    loop {
        let kv = asked.next().await;
        // Others have longer names that begin with this one.
        if kv.key() == key.as_bytes() {
            give(&calls, kv).await;
        }
    }
}

async fn hear_end(mut decided: Follow, ended: Sender<()>) {
    loop {
        let kv = decided.next().await;
        if matches!(serde_json::from_slice(kv.value()), Ok(Entry::Ended)) {
            give(&ended, ()).await;
        }
    }
}

/// A participant's place, and what goes on as long as it holds that.
struct Seat {
    place: Place,
    over: Receiver<()>,
    at_work: watch::Sender<u64>,
    _tasks: JoinSet<()>,
}

impl Seat {
    fn take(etcd: &Etcd, joining: &Joining) -> Result<Self, Error> {
        let Etcd { link, runtime } = etcd;
        let holder = Holder::this(&link.options.host, Some(joining.kind));
        let place = Place::take(link, link.keys.member(&joining.name), &holder);
        let place = runtime.wait(place)?;
        let mut tasks = JoinSet::new();
        let (at_work, epochs) = watch::channel(0);
        let sign = Txn::new().when([place.is_held()]);
        let (key, lease) = (link.keys.sign(&joining.name), place.lease.id);
        let signs = give_signs(link.clone(), sign, key, lease, epochs);
        tasks.spawn_on(signs, runtime.handle());
        let (to_over, over) = bounded(1);
        let mut lease_over = place.lease.over();
        let tell = async move {
            if lease_over.wait_for(|over| *over).await.is_ok() {
                give(&to_over, ()).await;
            }
            // Whoever waits for it waits on.
            std::future::pending::<()>().await;
        };
        tasks.spawn_on(tell, runtime.handle());
        Ok(Self { place, over, at_work, _tasks: tasks })
    }

    /// Gives a sign of life, soon. Never waits.
    fn alive(&self, epoch: u64) {
        self.at_work.send_replace(epoch);
    }
}

/// Signs of life, as often as the work gives some, but not more often than the heartbeat.
async fn give_signs(
    link: Link,
    sign: Txn,
    key: String,
    lease: i64,
    mut epochs: watch::Receiver<u64>,
) {
    while epochs.changed().await.is_ok() {
        let epoch = epochs.borrow_and_update().to_string();
        let options = PutOptions::new().with_lease(lease);
        let put = TxnOp::put(key.as_str(), epoch, Some(options));
        if let Err(fault) = link.transact(&sign.clone().and_then([put])).await {
            tracing::debug!(?fault, "a sign of life got lost");
        }
        sleep(link.options.heartbeat).await;
    }
}
