//! The joining side: it answers, gives signs of life, comes back, and knows when not to.

use std::path::PathBuf;
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};
use vexfs_replay::Error;
use vexfs_replay::coordination::protocol::{AwayReason, Hello};
use vexfs_replay::coordination::{
    Call, Event, JoinEvent, Mail, ParticipantKind, Plan, Rejoin, Reply, Request, SocketHub,
    SocketOptions, SystemClock, Transport as _, join,
};

use crate::log_model::{Honesty, LogModel, changes};
use crate::peer::{Peer, Side, call};

const KIND: ParticipantKind = ParticipantKind::ExternalSystem;

#[expect(clippy::disallowed_methods, reason = "who joins answers until it is told to go")]
fn joining(
    socket: PathBuf,
    name: &'static str,
    rejoin: Rejoin,
    saw: Sender<&'static str>,
) -> thread::JoinHandle<Result<(), Error>> {
    thread::spawn(move || {
        let mut local = LogModel::new(changes(5), Honesty::Honest).local();
        let clock = SystemClock::default();
        let watch = &mut |event: JoinEvent<'_>| {
            let _ = saw.send(match event {
                JoinEvent::Welcomed => "welcomed",
                JoinEvent::Asked(_) => "asked",
                JoinEvent::Answered(_) => "answered",
                JoinEvent::Lost(_) => "lost",
            });
        };
        join(&socket, &Hello::new(name, KIND, "a model"), &mut local, rejoin, &clock, watch)
    })
}

#[expect(clippy::disallowed_methods, reason = "as few events as there are lines here")]
fn events_seen() -> (Sender<&'static str>, Receiver<&'static str>) {
    unbounded()
}

#[test]
fn it_answers_comes_back_to_the_next_coordinator_and_goes_when_told() {
    let mut side = Side::new(SocketOptions { heartbeat_ms: 0, ..SocketOptions::default() });
    let (saw, seen) = events_seen();
    let rejoin = Rejoin { again_ms: 1, again_ms_max: 20, tries_max: None };
    let joined = joining(side.socket(), "orders", rejoin, saw);
    side.send("orders", call(4, 1));
    assert!(matches!(side.answer().1.reply, Reply::Report(_)));
    // Once it is asked what it has, it says that it is alive before it says it.
    let plan = Plan { cut: [("orders".into(), 3)].into(), ..Plan::default() };
    for (round, request) in (2..).zip([Request::Execute(plan.clone()), Request::Validate(plan)]) {
        side.way.send(&"orders".into(), Call { epoch: 4, round, request });
        if round == 2 {
            assert_eq!(side.answer().1.reply, Reply::Done);
        }
    }
    assert!(matches!(side.events.recv().unwrap(), Event::Alive(name, 4) if name == "orders"));
    assert!(matches!(side.answer().1.reply, Reply::Proof(_)));
    // The coordinator goes, without a word, and comes back.
    let Side { folder, hub, way, .. } = side;
    let socket = folder.path().join("run/socket");
    drop((way, hub));
    while seen.recv().unwrap() != "lost" {}
    let hub = SocketHub::listen(&socket, SocketOptions::default()).unwrap();
    hub.invite("orders", KIND);
    let mail = Mail::default();
    let events = mail.events();
    let mut way = hub.way_to(["orders".to_owned()], mail).unwrap();
    for (epoch, round) in [(3, 1), (5, 1)] {
        way.send(&"orders".to_owned(), call(epoch, round));
        let Event::Answered(_, answer) = events.recv().unwrap() else { panic!() };
        let superseded = answer.reply == Reply::Superseded(4);
        assert_eq!(superseded, epoch == 3, "{answer:?}");
    }
    hub.dismiss();
    joined.join().unwrap().unwrap();
}

#[test]
fn it_does_not_come_again_where_it_is_not_wanted() {
    let side = Side::new(SocketOptions::default());
    let (saw, _seen) = events_seen();
    let ended = joining(side.socket(), "nobody", Rejoin::default(), saw).join().unwrap();
    let is_it = matches!(&ended, Err(Error::TurnedAway { reason: AwayReason::UnknownName, .. }));
    assert!(is_it, "{ended:?}");
}

#[test]
fn it_waits_for_its_name_and_gives_up_where_it_is_told_to() {
    let side = Side::new(SocketOptions::default());
    let (saw, seen) = events_seen();
    let first = Peer::welcome(&side, "orders");
    let rejoin = Rejoin { again_ms: 1, again_ms_max: 20, tries_max: None };
    let joined = joining(side.socket(), "orders", rejoin, saw.clone());
    assert_eq!(seen.recv().unwrap(), "lost");
    drop(first);
    while seen.recv().unwrap() != "welcomed" {}
    side.hub.dismiss();
    joined.join().unwrap().unwrap();
    let nowhere = side.folder.path().join("nowhere");
    let rejoin = Rejoin { tries_max: Some(3), ..rejoin };
    let ended = joining(nowhere, "orders", rejoin, saw).join().unwrap();
    assert!(matches!(ended, Err(Error::Io { operation: "connect to", .. })), "{ended:?}");
    assert_eq!(seen.try_iter().filter(|it| *it == "lost").count(), 3);
}
