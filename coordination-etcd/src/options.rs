//! Where etcd is, and how long is waited for it.

use std::time::Duration;

use etcd_client::ConnectOptions;
#[cfg(feature = "tls")]
use etcd_client::{Certificate, Identity, TlsOptions};

/// Where etcd is, and how long is waited for it.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// Its members, as `http://host:port` or, with the feature `tls`, `https://host:port`. All that are known:
    /// what one doesn't answer another one is asked.
    pub endpoints: Vec<String>,
    /// What all keys of this coordination begin with. Two coordinations have two.
    pub prefix: String,
    /// Which host this is, as others are told.
    pub host: String,
    /// Name and password, where etcd asks for them.
    pub user: Option<(String, String)>,
    /// How etcd is known, and how it knows who this is.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
    /// After how many seconds without a word somebody counts as gone, and another one can take its place. etcd
    /// takes no less than one and a half of its election timeouts.
    pub lease_s: u32,
    /// How long is waited for the answer to one request, before it is made again.
    pub attempt: Duration,
    /// How long a request is made again and again, before it counts as failed.
    pub patience: Duration,
    /// How long is waited for a place that another one holds: for one who is dead holds it until its lease is over.
    pub wait_for_place: Duration,
    /// How often a participant that is at work gives a sign of life, at most.
    pub heartbeat: Duration,
}

/// How etcd is known, and how it knows who this is. PEM, all of it.
#[cfg(feature = "tls")]
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who signs for etcd's members.
    pub authority: Vec<u8>,
    /// This one's certificate and key, where etcd asks for them.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Default for EtcdOptions {
    fn default() -> Self {
        Self {
            endpoints: vec!["http://127.0.0.1:2379".to_owned()],
            prefix: "/vexfs-replay/".to_owned(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            user: None,
            #[cfg(feature = "tls")]
            tls: None,
            lease_s: 10,
            attempt: Duration::from_secs(2),
            patience: Duration::from_secs(10),
            wait_for_place: Duration::ZERO,
            heartbeat: Duration::from_secs(5),
        }
    }
}

impl EtcdOptions {
    pub(crate) fn for_client(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new()
            // A member that is cut off from the others says so, instead of being silent for ever.
            .with_require_leader(true)
            .with_connect_timeout(self.attempt)
            // A host that is gone says nothing, and its connection would be waited on for minutes.
            .with_keep_alive(self.attempt, self.attempt)
            .with_keep_alive_while_idle(true);
        if let Some((name, password)) = &self.user {
            // Tokens of etcd run out.
            options = options.with_user(name, password).with_auto_token_refresh(true);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let mut known = TlsOptions::new().ca_certificate(Certificate::from_pem(&tls.authority));
            if let Some((certificate, key)) = &tls.identity {
                known = known.identity(Identity::from_pem(certificate, key));
            }
            options = options.with_tls(known);
        }
        options
    }
}
