//! Coordinators and participants in processes of their own, which can be killed: this program again, with what it
//! is to do in its environment.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vexfs_coordination_etcd::{Etcd, EtcdOptions};
use vexfs_replay::coordination::{End, Ground, Life, Patience, SystemClock, coordinate};

use crate::model::{self, Hosts};

const ROLE: &str = "VEXFS_ETCD_TEST_ROLE";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Coordinates, and says how that ended.
    Coordinator(At),
    /// Takes part, as this one.
    Participant(At, usize),
    /// The test of the namespaces, within one of them.
    CutOff(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct At {
    pub(crate) endpoints: Vec<String>,
    pub(crate) prefix: String,
    pub(crate) host: String,
    /// How long is waited for the leader's place, and for the whole.
    pub(crate) wait_s: u64,
    pub(crate) whole_ms: u64,
    pub(crate) patience_ms: u64,
}

/// How a coordinator ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    End(End),
    Waits,
    Failed(String),
}

/// What this process is to do, if it is one of those.
pub(crate) fn role() -> Option<Role> {
    std::env::var(ROLE).ok().map(|role| serde_json::from_str(&role).unwrap())
}

pub(crate) fn play(role: Role) {
    match role {
        Role::Coordinator(at) => {
            let said = coordinator(&at);
            println!("{}", serde_json::to_string(&said).unwrap());
        }
        Role::Participant(at, which) => {
            let mut hosts = Hosts::nobody();
            hosts.join(&model::options(&at.endpoints, &at.prefix, &at.host), which, None, false);
            hosts.all_end();
        }
        Role::CutOff(names) => crate::cut_off::within(&names),
    }
}

pub(crate) fn coordinator(at: &At) -> Said {
    let options = EtcdOptions {
        wait_for_place: Duration::from_secs(at.wait_s),
        patience: Duration::from_millis(at.patience_ms),
        ..model::options(&at.endpoints, &at.prefix, &at.host)
    };
    let life = Etcd::connect(options).and_then(|etcd| {
        let mut record = etcd.record();
        let mut transport = etcd.transport(&record);
        let said = crossbeam_channel::never();
        let clock = SystemClock::default();
        let ground =
            Ground { record: &mut record, transport: &mut transport, clock: &clock, said: &said };
        let times = model::times(at.whole_ms);
        coordinate(model::terms(), times, Patience::End, ground, &mut |_| ())
    });
    match life {
        Ok((Life::Ended(end), _)) => Said::End(end),
        Ok((Life::Waits, _)) => Said::Waits,
        Err(error) => Said::Failed(error.to_string()),
    }
}

/// A process that plays a role; killed when it is dropped.
pub(crate) struct Played(Child);

impl Played {
    pub(crate) fn start(role: &Role, within: &[String]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(within).arg(std::env::current_exe().unwrap());
        command.env(ROLE, serde_json::to_string(role).unwrap());
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap())
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// What it says, once it has ended.
    pub(crate) fn said(mut self) -> Said {
        let output = self.0.stdout.take().unwrap();
        let line = BufReader::new(output).lines().next();
        let said = line.expect("it ended without a word").unwrap();
        serde_json::from_str(&said).unwrap()
    }

    /// Whether it ended well.
    pub(crate) fn succeeds(mut self) -> bool {
        self.0.wait().unwrap().success()
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
