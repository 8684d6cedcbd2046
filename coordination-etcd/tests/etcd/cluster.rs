//! Members of etcd, in a folder that goes with them. They die with the thread that started them.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_client::Client;
use vexfs_coordination_etcd::{Etcd, EtcdOptions};

/// One member.
pub(crate) struct Member {
    pub(crate) endpoint: String,
    child: Child,
}

/// A cluster.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    _folder: tempfile::TempDir,
}

/// Where a member listens, and what it is started by.
pub(crate) struct Seat {
    pub(crate) address: String,
    pub(crate) ports: (u16, u16),
    /// Goes before the command: `ip netns exec ..`, or nothing.
    pub(crate) within: Vec<String>,
}

/// Why there is no etcd here, if there is none.
pub(crate) fn missing() -> Option<String> {
    let found = Command::new("etcd").arg("--version").stdout(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("etcd --version: {status}")),
        Err(error) => Some(format!("no etcd: {error}")),
    }
}

impl Cluster {
    /// Three members on loopback.
    pub(crate) fn start() -> Self {
        let seats = (0..3).map(|_| {
            // Free until a moment ago.
            let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
            let [client, peer] = ports.map(|it| it.local_addr().unwrap().port());
            Seat { address: "127.0.0.1".into(), ports: (client, peer), within: vec![] }
        });
        Self::start_at(&seats.collect::<Vec<_>>())
    }

    pub(crate) fn start_at(seats: &[Seat]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let peer = |seat: &Seat| format!("http://{}:{}", seat.address, seat.ports.1);
        let all = seats.iter().enumerate().map(|(at, seat)| format!("m{at}={}", peer(seat)));
        let all = all.collect::<Vec<_>>().join(",");
        let members = seats.iter().enumerate().map(|(at, seat)| {
            let endpoint = format!("http://{}:{}", seat.address, seat.ports.0);
            let data = folder.path().join(format!("m{at}"));
            let child = member(seat, &data)
                .args(["--name", &format!("m{at}"), "--initial-cluster", &all])
                .args(["--listen-client-urls", &endpoint, "--advertise-client-urls", &endpoint])
                .args(["--listen-peer-urls", &peer(seat)])
                .args(["--initial-advertise-peer-urls", &peer(seat)])
                .spawn()
                .unwrap();
            Member { endpoint, child }
        });
        let cluster = Self { members: members.collect(), _folder: folder };
        let begun = Instant::now();
        for member in &cluster.members {
            let patience = Duration::from_secs(20);
            let options = EtcdOptions {
                endpoints: vec![member.endpoint.clone()],
                patience,
                attempt: Duration::from_millis(500),
                ..EtcdOptions::default()
            };
            Etcd::connect(options).unwrap().look().unwrap();
        }
        eprintln!("{} members are healthy in {:?}", seats.len(), begun.elapsed());
        cluster
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| member.endpoint.clone()).collect()
    }

    /// The member that leads etcd itself.
    pub(crate) fn leader(&self) -> usize {
        let leads = |endpoint: &str| {
            let status = raw(endpoint, async |mut client| client.status().await.unwrap());
            status.leader() == status.header().unwrap().member_id()
        };
        self.members.iter().position(|member| leads(&member.endpoint)).unwrap()
    }

    pub(crate) fn kill(&mut self, member: usize) {
        let child = &mut self.members[member].child;
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Asks etcd itself.
pub(crate) fn raw<T>(endpoint: &str, ask: impl AsyncFnOnce(Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { ask(Client::connect([endpoint], None).await.unwrap()).await })
}

fn member(seat: &Seat, data: &Path) -> Command {
    // Nobody who is killed leaves it behind.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL"])
        .args(&seat.within)
        .arg("etcd")
        .arg("--data-dir")
        .arg(data)
        // An election takes half a second, and a lease at least one.
        .args(["--heartbeat-interval", "50", "--election-timeout", "500"])
        .args(["--initial-cluster-state", "new", "--log-level", "error", "--logger", "zap"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            let _ = member.child.kill();
            let _ = member.child.wait();
        }
    }
}
