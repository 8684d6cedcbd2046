//! A member of etcd, and the coordinator beside it, are cut off from all others: each member is in a network
//! namespace of its own, and a cable is pulled.

use std::process::{Command, Output};

use vexfs_coordination_etcd::Etcd;
use vexfs_replay::coordination::{End, Entry};

use crate::cluster::{Cluster, Seat};
use crate::model::{AGREED, Gate, Hosts, Step, options};
use crate::process::{At, Played, Role, Said, coordinator};
use crate::until;

/// Why no network namespace can be made here, if none can.
pub(crate) fn missing() -> Option<String> {
    let name = format!("vx{}t", std::process::id());
    let tried = [
        format!("netns add {name}"),
        format!("-n {name} link add name b0 type bridge"),
        format!("-n {name} link add name v0 type veth peer name w0"),
    ]
    .map(|arguments| ip(&arguments));
    let _ = ip(&format!("netns del {name}"));
    tried.into_iter().find_map(|tried| match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("no ip: {error}")),
    })
}

fn ip(arguments: &str) -> std::io::Result<Output> {
    Command::new("ip").args(arguments.split(' ')).output()
}

fn must(arguments: &str) {
    let output = ip(arguments).unwrap();
    assert!(output.status.success(), "ip {arguments}: {output:?}");
}

/// A switch, and three hosts at it, by the names of their namespaces. Gone when it is dropped.
struct Network(String);

impl Network {
    fn new() -> Self {
        let all = Self(format!("vx{}", std::process::id()));
        let hub = all.hub();
        must(&format!("netns add {hub}"));
        for rest in
            ["link add name hub type bridge", "addr add 10.77.0.254/24 dev hub", "link set hub up"]
        {
            must(&format!("-n {hub} {rest}"));
        }
        must(&format!("-n {hub} link set lo up"));
        for at in 1..=3 {
            let host = all.host(at);
            must(&format!("netns add {host}"));
            must(&format!("-n {hub} link add name v{at} type veth peer name e0 netns {host}"));
            must(&format!("-n {hub} link set v{at} master hub up"));
            must(&format!("-n {host} addr add 10.77.0.{at}/24 dev e0"));
            must(&format!("-n {host} link set e0 up"));
            must(&format!("-n {host} link set lo up"));
        }
        all
    }

    fn hub(&self) -> String {
        format!("{}h", self.0)
    }

    fn host(&self, at: usize) -> String {
        format!("{}n{at}", self.0)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in [self.host(1), self.host(2), self.host(3), self.hub()] {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

fn within_namespace(name: &str) -> Vec<String> {
    ["ip", "netns", "exec", name].map(str::to_owned).to_vec()
}

/// All that isn't cut off runs in the namespace of the switch.
pub(crate) fn the_majority_decides() {
    let network = Network::new();
    let role = Role::CutOff(network.0.clone());
    let played = Played::start(&role, &within_namespace(&network.hub()));
    assert!(played.succeeds(), "what it says is above");
}

pub(crate) fn within(names: &str) {
    // Not dropped: whoever made it takes it away.
    let network = std::mem::ManuallyDrop::new(Network(names.to_owned()));
    let seats = [1, 2, 3].map(|at| Seat {
        address: format!("10.77.0.{at}"),
        ports: (2379, 2380),
        within: within_namespace(&network.host(at)),
    });
    let cluster = Cluster::start_at(&seats);
    // Both ways: etcd's own leader is among those that are cut off, or isn't.
    for cut_off in [cluster.leader(), (cluster.leader() + 1) % 3] {
        partition(&network, &cluster.endpoints(), cut_off);
    }
}

fn partition(network: &Network, endpoints: &[String], cut_off: usize) {
    let prefix = format!("cut_off_{cut_off}");
    let cable = format!("-n {} link set v{}", network.hub(), cut_off + 1);
    let alone = [endpoints[cut_off].clone()];
    let others: Vec<String> =
        endpoints.iter().filter(|it| **it != endpoints[cut_off]).cloned().collect();
    let (gate, reached, opens) = Gate::at(Step::Execute);
    let hosts = Hosts::start(&options(endpoints, &prefix, "there"), Some(&gate), false);
    let first = At {
        endpoints: alone.to_vec(),
        prefix: prefix.clone(),
        host: "cut-off".to_owned(),
        wait_s: 0,
        // While it is cut off it decides that all go back, and can't write that down.
        whole_ms: 4000,
        patience_ms: 4000,
    };
    let role = Role::Coordinator(first.clone());
    let minority = Played::start(&role, &within_namespace(&network.host(cut_off + 1)));
    for _ in 0..3 {
        reached.recv().unwrap();
    }
    must(&format!("{cable} down"));
    drop(opens);
    let second = At {
        endpoints: others,
        host: "goes-on".to_owned(),
        wait_s: 20,
        whole_ms: 60_000,
        patience_ms: 10_000,
        ..first
    };
    let said = coordinator(&second);
    let Said::End(End::Consistent { plan }) = &said else { panic!("{said:?}") };
    assert_eq!(plan.cut["all"], AGREED);
    assert_eq!(hosts.all_end(), [AGREED; 3]);
    assert_eq!(minority.said(), Said::End(End::RecordFailed));
    must(&format!("{cable} up"));
    let there = options(&alone, &prefix, "looks");
    let mut entries = Vec::new();
    until("the one that was cut off is back", || {
        let read = Etcd::connect(there.clone()).and_then(|etcd| etcd.record().read());
        read.map(|read| entries = read).is_ok()
    });
    let kept = |entry: &Entry| entries.iter().filter(|it| *it == entry).count();
    assert_eq!((kept(&Entry::Committed), kept(&Entry::Ended)), (1, 1), "{entries:?}");
    let turned_back = entries.iter().any(|it| matches!(it, Entry::TurnedBack { .. }));
    assert!(!turned_back, "{entries:?}");
}
