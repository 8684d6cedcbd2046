//! The laws of both traits, and what is etcd's alone: who was superseded while it didn't know.

use std::sync::Barrier;
use std::time::Duration;

use vexfs_coordination_etcd::{Etcd, EtcdRecord};
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Call, DecisionRecord as _, Entry, Event, Fence as _, Reply, Request, Transport as _, Turn,
};

use crate::cluster::raw;
use crate::ground_laws;
use crate::model::{Hosts, NAMES, options, spawn};

/// Each coordinator has a connection of its own, as if on a host of its own.
fn record(endpoints: &[String], prefix: &str) -> EtcdRecord {
    Etcd::connect(options(endpoints, prefix, "here")).unwrap().record()
}

pub(crate) fn every_life_finds_what_was_appended(endpoints: &[String], prefix: &str) {
    for seed in 0..5 {
        let prefix = format!("{prefix}/{seed}");
        let one = || Box::new(record(endpoints, &prefix)) as _;
        ground_laws::every_life_finds_what_was_appended(&one, seed);
    }
}

pub(crate) fn one_leads(endpoints: &[String], prefix: &str) {
    ground_laws::one_leads(&|| Box::new(record(endpoints, prefix)));
}

pub(crate) fn who_does_not_lead_appends_nothing(endpoints: &[String], prefix: &str) {
    ground_laws::who_does_not_lead_appends_nothing(&|| Box::new(record(endpoints, prefix)));
}

pub(crate) fn what_is_sent_is_answered(endpoints: &[String], prefix: &str) {
    for seed in 0..4 {
        let prefix = format!("{prefix}/{seed}");
        let etcd = Etcd::connect(options(endpoints, &prefix, "here")).unwrap();
        let mut record = etcd.record();
        let mut transport = etcd.transport(&record);
        record.lead().unwrap();
        let hosts = Hosts::start(&options(endpoints, &prefix, "there"), None, false);
        ground_laws::what_is_sent_is_answered(&mut transport, &NAMES.map(str::to_owned), seed);
        record.append(&Entry::Ended).unwrap();
        hosts.all_end();
    }
}

pub(crate) fn of_many_at_once_one_leads(endpoints: &[String], prefix: &str) {
    const MANY: usize = 6;
    for turn in 0..3_u64 {
        let barrier = std::sync::Arc::new(Barrier::new(MANY));
        let all = (0..MANY).map(|_| {
            let (endpoints, prefix) = (endpoints.to_vec(), prefix.to_owned());
            let barrier = std::sync::Arc::clone(&barrier);
            spawn(move || {
                let mut record = record(&endpoints, &prefix);
                barrier.wait();
                let led = record.lead();
                let append = record.append(&Entry::Committed);
                // None leaves before all have tried.
                barrier.wait();
                assert_eq!(led.is_ok(), append.is_ok(), "{led:?} {append:?}");
                led
            })
        });
        let all: Vec<_> =
            all.collect::<Vec<_>>().into_iter().map(|it| it.join().unwrap()).collect();
        let led: Vec<_> = all.iter().flatten().map(|entries| entries.len() as u64).collect();
        assert_eq!(led, [turn], "{all:?}");
        let locked = all.iter().filter(|it| matches!(it, Err(Error::Locked { .. })));
        assert_eq!(locked.count(), MANY - 1);
    }
}

/// Its lease ends, as for one that was cut off or stood still for long; only etcd knows.
pub(crate) fn who_was_superseded_does_nothing(endpoints: &[String], prefix: &str) {
    let etcd = Etcd::connect(options(endpoints, prefix, "old")).unwrap();
    let mut old = etcd.record();
    let mut old_transport = etcd.transport(&old);
    old.lead().unwrap();
    old.append(&Entry::Committed).unwrap();
    raw(&endpoints[0], async |mut client| {
        let leader = client.get(format!("/{prefix}/leader"), None).await.unwrap();
        client.lease_revoke(leader.kvs()[0].lease()).await.unwrap();
    });
    let call = |epoch| Call { epoch, round: 1, request: Request::CleanUp };
    let name = NAMES[0].to_owned();
    let failed = |transport: &vexfs_coordination_etcd::EtcdTransport| {
        let event = transport.events().recv_timeout(Duration::from_secs(20)).unwrap();
        matches!(event, Event::Answered(_, answer) if matches!(answer.reply, Reply::Failed(_)))
    };
    // Nobody leads, and then another one does.
    old_transport.send(&name, call(1));
    assert!(failed(&old_transport));
    let etcd = Etcd::connect(options(endpoints, prefix, "new")).unwrap();
    let mut new = etcd.record();
    let mut new_transport = etcd.transport(&new);
    assert_eq!(new.lead().unwrap(), [Entry::Committed]);
    new_transport.send(&name, call(2));
    crate::until("the new one's question is there", || {
        etcd.look().unwrap().barrier().is_some_and(|(asked, _)| asked.epoch == 2)
    });
    old_transport.send(&name, call(1));
    assert!(failed(&old_transport));
    let Err(Error::Locked { holder, .. }) = old.append(&Entry::Ended) else { panic!() };
    assert!(holder.contains("host new"), "{holder}");
    // Nor later.
    assert!(old.append(&Entry::Ended).is_err());
    new.append(&Entry::Ended).unwrap();
    drop(new);
    // Who leads no more asks nothing, also where nobody does.
    new_transport.send(&name, call(3));
    assert!(failed(&new_transport));
    assert!(old.append(&Entry::Ended).is_err());
    assert_eq!(old.read().unwrap(), [Entry::Committed, Entry::Ended]);
    assert_eq!(old.lead().unwrap(), [Entry::Committed, Entry::Ended]);
    let (asked, _) = etcd.look().unwrap().barrier().unwrap();
    assert_eq!(asked.epoch, 2);
}

pub(crate) fn a_fence_only_rises(endpoints: &[String], prefix: &str) {
    let etcd = Etcd::connect(options(endpoints, prefix, "here")).unwrap();
    let open = || etcd.fence(&NAMES[0].to_owned()).unwrap();
    let (mut one, mut other) = (open(), open());
    let turn = |epoch, round| Turn { epoch, round };
    assert_eq!(one.latest(), Turn::default());
    one.raise(turn(3, 7)).unwrap();
    // It hasn't heard of that yet, and does when it raises.
    assert!(other.raise(turn(3, 6)).is_err());
    assert_eq!(other.latest(), turn(3, 7));
    other.raise(turn(4, 1)).unwrap();
    one.raise(turn(4, 2)).unwrap();
    assert_eq!((one.latest(), open().latest()), (turn(4, 2), turn(4, 2)));
    assert_eq!(etcd.fence(&NAMES[1].to_owned()).unwrap().latest(), Turn::default());
}
