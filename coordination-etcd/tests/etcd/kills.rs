//! Who coordinates is killed wherever that makes a difference, and somebody on another host goes on; and the member
//! of etcd that leads the others is killed in the middle.

use crate::cluster::{Cluster, raw};
use crate::model::{self, AGREED, Gate, Hosts, Step, options};
use crate::process::{At, Played, Role, Said, coordinator};
use vexfs_coordination_etcd::Etcd;
use vexfs_replay::coordination::{End, Entry, Refusal};

/// At which question the coordinator is killed, and whether one participant refuses.
pub(crate) const CASES: [(Step, bool); 8] = [
    (Step::Assess, false),
    (Step::Prepare, false),
    (Step::Execute, false),
    (Step::Validate, false),
    (Step::CleanUp, false),
    (Step::Prepare, true),
    (Step::RollBack, true),
    (Step::CleanUp, true),
];

fn at(endpoints: &[String], prefix: &str, host: &str) -> At {
    At {
        endpoints: endpoints.to_vec(),
        prefix: prefix.to_owned(),
        host: host.to_owned(),
        wait_s: 0,
        whole_ms: 60_000,
        patience_ms: 10_000,
    }
}

pub(crate) fn of_the_coordinator(endpoints: &[String], prefix: &str, step: Step, refuses: bool) {
    let (gate, reached, opens) = Gate::at(step);
    let hosts = Hosts::start(&options(endpoints, prefix, "there"), Some(&gate), refuses);
    let mut first = Played::start(&Role::Coordinator(at(endpoints, prefix, "first")), &[]);
    reached.recv().unwrap();
    // Two at once: one leads, and the other is told who.
    let Said::Failed(reason) = coordinator(&at(endpoints, prefix, "second")) else { panic!() };
    assert!(reason.contains("on host first"), "{reason}");
    first.kill();
    drop(opens);
    let second = coordinator(&At { wait_s: 20, ..at(endpoints, prefix, "second") });
    check(&second, endpoints, prefix, refuses);
    let there = if refuses { vec![10, 7, 9] } else { vec![AGREED; 3] };
    let disks = hosts.disks.clone();
    assert_eq!(hosts.all_end(), there);
    for disk in disks {
        let log = &disk.lock().unwrap().log;
        assert!(log.iter().any(|(epoch, it)| (*epoch, *it) == (2, Step::CleanUp)), "{log:?}");
        assert_eq!(log.iter().any(|(_, it)| *it == Step::RollBack), refuses, "{log:?}");
    }
}

/// How it ended, and what is written down of that, once.
fn check(said: &Said, endpoints: &[String], prefix: &str, refuses: bool) {
    match said {
        Said::End(End::Consistent { plan }) => {
            assert_eq!((plan.cut["all"], refuses), (AGREED, false));
        }
        Said::End(End::Refused { reason: Refusal::VotedNo { participant, .. } }) => {
            assert_eq!((participant.as_str(), refuses), ("space", true));
        }
        other => panic!("{other:?}"),
    }
    let etcd = Etcd::connect(options(endpoints, prefix, "looks")).unwrap();
    let entries = etcd.record().read().unwrap();
    let count = |is: fn(&Entry) -> bool| entries.iter().filter(|entry| is(entry)).count();
    let committed = count(|entry| matches!(entry, Entry::Committed));
    let turned_back = count(|entry| matches!(entry, Entry::TurnedBack { .. }));
    assert_eq!((committed, turned_back), if refuses { (0, 1) } else { (1, 0) }, "{entries:?}");
    assert_eq!(count(|entry| matches!(entry, Entry::Ended)), 1);
}

pub(crate) fn of_the_member_that_leads() {
    let mut cluster = Cluster::start();
    let (endpoints, prefix) = (cluster.endpoints(), "of_the_member_that_leads");
    let (gate, reached, opens) = Gate::at(Step::Execute);
    let hosts = Hosts::start(&options(&endpoints, prefix, "there"), Some(&gate), false);
    let role = At { endpoints: endpoints.clone(), ..at(&endpoints, prefix, "first") };
    let coordinates = model::spawn(move || coordinator(&role));
    for _ in 0..3 {
        reached.recv().unwrap();
    }
    // Whoever watches from here on can't be told what was before.
    raw(&endpoints[0], async |mut client| {
        let now = client.get("x", None).await.unwrap().header().unwrap().revision();
        client.compact(now, None).await.unwrap();
    });
    cluster.kill(cluster.leader());
    drop(opens);
    check(&coordinates.join().unwrap(), &endpoints, prefix, false);
    assert_eq!(hosts.all_end(), [AGREED; 3]);
}
