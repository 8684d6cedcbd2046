//! Who takes part: late, gone, twice, and with more to say than etcd takes.

use std::sync::Arc;

use crossbeam_channel::never;
use vexfs_coordination_etcd::{Etcd, Presence};
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Call, DecisionRecord as _, End, Event, Phase, Reply, Request, Transport as _,
};

use crate::model::{self, AGREED, Hosts, Model, NAMES, options, spawn};
use crate::process::{At, Played, Role, Said, coordinator};
use crate::until;

fn at(endpoints: &[String], prefix: &str) -> At {
    At {
        endpoints: endpoints.to_vec(),
        prefix: prefix.to_owned(),
        host: "somewhere".to_owned(),
        wait_s: 0,
        whole_ms: 60_000,
        patience_ms: 10_000,
    }
}

/// The last one joins when the others wait at the first barrier, which everyone sees.
pub(crate) fn who_comes_late_is_waited_for(endpoints: &[String], prefix: &str) {
    let options = options(endpoints, prefix, "there");
    let mut hosts = Hosts::nobody();
    hosts.join(&options, 0, None, false);
    hosts.join(&options, 1, None, false);
    let role = at(endpoints, prefix);
    let coordinates = spawn(move || coordinator(&role));
    let etcd = Etcd::connect(options.clone()).unwrap();
    until("all but one have answered", || {
        let look = etcd.look().unwrap();
        look.barrier().is_some_and(|(asked, open)| {
            asked.phase == Phase::Assessment && open == [NAMES[2]] && look.leader.is_some()
        })
    });
    let look = etcd.look().unwrap();
    assert_eq!(look.members[NAMES[2]].presence, Presence::Gone);
    let Presence::Alive(holder) = &look.members[NAMES[1]].presence else { panic!("{look:?}") };
    assert_eq!(holder.host, "host-1");
    hosts.join(&options, 2, None, false);
    let said = coordinates.join().unwrap();
    assert!(matches!(said, Said::End(End::Consistent { .. })), "{said:?}");
    assert_eq!(hosts.all_end(), [AGREED; 3]);
    let look = etcd.look().unwrap();
    assert_eq!(look.leader, None);
    let (asked, open) = look.barrier().unwrap();
    assert_eq!((asked.phase, open.len()), (Phase::Cleanup, 0));
}

pub(crate) fn who_is_killed_is_seen_to_be_gone(endpoints: &[String], prefix: &str) {
    let etcd = Etcd::connect(options(endpoints, prefix, "here")).unwrap();
    let presence = || etcd.look().unwrap().members.remove(NAMES[0]).map(|it| it.presence);
    let mut played = Played::start(&Role::Participant(at(endpoints, prefix), 0), &[]);
    until("it is there", || matches!(presence(), Some(Presence::Alive(_))));
    played.kill();
    until("it is gone", || presence().is_none());
}

pub(crate) fn a_name_is_held_by_one(endpoints: &[String], prefix: &str) {
    let options = options(endpoints, prefix, "twin");
    let mut hosts = Hosts::nobody();
    hosts.join(&options, 0, None, false);
    let etcd = Etcd::connect(options.clone()).unwrap();
    until("it is there", || !etcd.look().unwrap().members.is_empty());
    let twin = Model {
        reach: 1,
        refuses: false,
        padding: 0,
        disk: Arc::clone(&hosts.disks[0]),
        gate: None,
    };
    let error = model::serve(options, 0, twin, &never()).unwrap_err();
    let Error::Locked { holder, .. } = error else { panic!("{error}") };
    assert!(holder.contains("on host host-0"), "{holder}");
    // Those that are alive leave when a coordination ends, whoever says so.
    let mut record = etcd.record();
    record.lead().unwrap();
    record.append(&vexfs_replay::coordination::Entry::Ended).unwrap();
    hosts.all_end();
}

/// Of one size etcd itself refuses, of another one what it is made of.
pub(crate) fn too_long_an_answer_is_a_failure(endpoints: &[String], prefix: &str) {
    let etcd = Etcd::connect(options(endpoints, prefix, "here")).unwrap();
    let mut record = etcd.record();
    let mut transport = etcd.transport(&record);
    record.lead().unwrap();
    for (round, padding) in [(1, 1 << 20), (2, 1_700_000), (3, 3 << 20)] {
        let (stop, stopped) = crossbeam_channel::bounded::<()>(0);
        let hosts = Hosts::nobody();
        let model = Model {
            reach: 1,
            refuses: false,
            padding,
            disk: Arc::clone(&hosts.disks[0]),
            gate: None,
        };
        let options = options(endpoints, prefix, "there");
        let served = spawn(move || model::serve(options, 0, model, &stopped));
        transport.send(&NAMES[0].to_owned(), Call { epoch: 1, round, request: Request::Assess });
        let reply = loop {
            match transport.events().recv().unwrap() {
                Event::Answered(_, answer) if answer.round == round => break answer.reply,
                _ => {}
            }
        };
        match reply {
            Reply::Report(_) => assert_eq!(round, 1),
            Reply::Failed(reason) => assert!(round > 1 && reason.contains("bytes"), "{reason}"),
            other => panic!("{other:?}"),
        }
        drop(stop);
        served.join().unwrap().unwrap();
    }
}
