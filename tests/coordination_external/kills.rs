//! Kills, of participants and of coordinators, and what a coordinator that was superseded is told.

use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Answer, Call, DecisionRecord as _, End, Event, FileRecord, Life, Mail, Plan, Reply, Request,
    SocketHub, Transport,
};

use crate::log_model::{Honesty, STREAM, changes};
use crate::python::Process;
use crate::scene::{Scene, When};

pub(crate) const TESTS: [(&str, fn()); 6] = [
    ("all_come_to_the_cut_or_all_stay", all_come_to_the_cut_or_all_stay),
    ("a_participant_is_killed_at_every_request", a_participant_is_killed_at_every_request),
    ("a_participant_is_killed_at_every_write", a_participant_is_killed_at_every_write),
    ("a_coordinator_dies_at_every_decision", a_coordinator_dies_at_every_decision),
    ("a_superseded_coordinator_is_refused", a_superseded_coordinator_is_refused),
    ("a_damaged_epoch_or_log_is_no_answer", a_damaged_epoch_or_log_is_no_answer),
];

const BOTH_WAYS: [Honesty; 2] = [Honesty::Honest, Honesty::Wrong];

fn all_come_to_the_cut_or_all_stay() {
    for honesty in BOTH_WAYS {
        let scene = Scene::new(honesty);
        let hub = scene.listen();
        scene.end(hub, scene.start());
    }
}

fn a_participant_is_killed_at_every_request() {
    let mut kills = 0;
    for honesty in BOTH_WAYS {
        for when in [When::Before, When::After] {
            for at in 0.. {
                if !killed_at_request(honesty, when, at) {
                    break;
                }
                kills += 1;
            }
        }
    }
    // Five requests on the way on and six on the way back.
    assert!(kills >= 2 * (5 + 6), "{kills}");
}

/// Whether there were so many requests.
fn killed_at_request(honesty: Honesty, when: When, at: u32) -> bool {
    let scene = Scene::new(honesty);
    let hub = scene.listen();
    let [mut north, south] = scene.start();
    let mut sent = 0;
    let mut killed = false;
    let mut spy = |now: When, to: &String, _: &Call| {
        if to != "north" || now != when {
            return;
        }
        if sent == at {
            north.kill();
            north = scene.start_of("north").start();
            killed = true;
        }
        sent += 1;
    };
    let life = scene.live(&hub, &mut spy, &mut FileRecord::append);
    hub.dismiss();
    [north, south].into_iter().for_each(Process::ends);
    scene.check(&life);
    killed
}

fn a_participant_is_killed_at_every_write() {
    let mut kills = 0;
    for honesty in BOTH_WAYS {
        for call in 1.. {
            let scene = Scene::new(honesty);
            let hub = scene.listen();
            let north = scene.start_of("north").start_killed_at(call);
            scene.end(hub, [north, scene.start_of("south").start()]);
            if !scene.state("north").join("killed").exists() {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 60, "{kills}");
}

fn a_coordinator_dies_at_every_decision() {
    let mut deaths = 0;
    for honesty in BOTH_WAYS {
        for is_kept in [false, true] {
            for at in 0.. {
                let scene = Scene::new(honesty);
                let hub = scene.listen();
                let processes = scene.start();
                let mut decisions = 0;
                let mut keep = |record: &mut FileRecord, entry: &_| {
                    decisions += 1;
                    if decisions - 1 < at {
                        return record.append(entry);
                    }
                    if is_kept {
                        record.append(entry)?;
                    }
                    Err(Error::Cancelled)
                };
                let first = scene.live(&hub, &mut |_, _, _| {}, &mut keep);
                // Its socket goes with it, and they find another one.
                drop(hub);
                let hub = scene.listen();
                if first != Life::Ended(End::RecordFailed) {
                    scene.check(&first);
                    hub.dismiss();
                    processes.into_iter().for_each(Process::ends);
                    break;
                }
                deaths += 1;
                if scene.memory().under_way.is_none() && scene.memory().epoch > 0 {
                    // The end was kept; nothing is left to be done.
                    hub.dismiss();
                    processes.into_iter().for_each(Process::ends);
                    continue;
                }
                scene.end(hub, processes);
            }
        }
    }
    // It begins, has a plan, commits or turns back, and ends.
    assert_eq!(deaths, 2 * 2 * 4);
}

/// What a participant replies to one call of a coordinator at this epoch.
fn reply_to(hub: &SocketHub, epoch: u64, request: Request) -> Reply {
    let mail = Mail::default();
    let events = mail.events();
    let mut way = hub.way_to(["north".to_owned()], mail).unwrap();
    way.send(&"north".to_owned(), Call { epoch, round: 1, request });
    loop {
        match events.recv().unwrap() {
            Event::Answered(_, Answer { epoch: of, round: 1, reply }) if of == epoch => {
                return reply;
            }
            _ => {}
        }
    }
}

fn a_superseded_coordinator_is_refused() {
    let scene = Scene::new(Honesty::Honest);
    let hub = scene.listen();
    let _north = scene.start_of("north").start();
    let plan = Plan { cut: [(STREAM.to_owned(), 4)].into(), ..Plan::default() };
    assert!(matches!(reply_to(&hub, 7, Request::Assess), Reply::Report(_)));
    let all = [
        Request::Assess,
        Request::Prepare(plan.clone()),
        Request::Execute(plan.clone()),
        Request::Validate(plan.clone()),
        Request::RollBack,
        Request::CleanUp,
    ];
    for request in all.clone() {
        assert_eq!(reply_to(&hub, 6, request), Reply::Superseded(7));
    }
    assert_eq!(reply_to(&hub, 7, Request::Execute(plan)), Reply::Done);
    // Also once it was killed, and by whoever asks it to stay or to go.
    drop(_north);
    let _north = scene.start_of("north").start();
    for request in all {
        assert_eq!(reply_to(&hub, 6, request), Reply::Superseded(7));
    }
    assert_eq!(std::fs::read(scene.state("north").join("log")).unwrap(), changes(11));
    assert_eq!(reply_to(&hub, 8, Request::CleanUp), Reply::Done);
    assert_eq!(std::fs::read(scene.state("north").join("log")).unwrap(), changes(4));
}

fn a_damaged_epoch_or_log_is_no_answer() {
    let scene = Scene::new(Honesty::Honest);
    let hub = scene.listen();
    let log = scene.state("north").join("log");
    std::fs::write(&log, "1\tkey\tvalue\n3\tkey\tvalue\n").unwrap();
    let north = scene.start_of("north").start();
    assert!(matches!(reply_to(&hub, 1, Request::Assess), Reply::Failed(_)));
    // A last line without an end isn't there.
    std::fs::write(&log, [changes(5), b"6\tke".to_vec()].concat()).unwrap();
    let Reply::Report(report) = reply_to(&hub, 1, Request::Assess) else { panic!() };
    assert_eq!(report.standings[STREAM].reach, 5);
    drop(north);
    std::fs::write(scene.state("north").join("turn"), "").unwrap();
    let mut command = scene.start_of("north").command();
    assert_eq!(command.status().unwrap().code(), Some(1));
}
