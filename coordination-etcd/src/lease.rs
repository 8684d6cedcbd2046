//! A lease, kept alive by a task: what is kept under it is gone some time after whoever keeps it.
//!
//! Whether it is over is etcd's word alone. Who hears nothing for long doesn't know, and finds out by what it
//! writes next.

use std::time::Duration;

use etcd_client::Error as EtcdError;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::fault::Fault;
use crate::link::Link;

/// A lease.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) id: i64,
    keeper: JoinHandle<()>,
    over: watch::Receiver<bool>,
}

impl Lease {
    /// Must be called within the runtime.
    pub(crate) async fn grant(link: &Link) -> Result<Self, Fault> {
        let ttl = i64::from(link.options.lease_s);
        // One that was granted without an answer is over after a while, by itself.
        let granted = link
            .ask(|| {
                let mut client = link.client.lease_client();
                async move { client.grant(ttl, None).await }
            })
            .await?;
        let (id, ttl) = (granted.id(), Duration::from_secs(granted.ttl().max(1).unsigned_abs()));
        let (say_over, over) = watch::channel(false);
        let link = link.clone();
        let keeper = Handle::current().spawn(async move {
            keep(&link, id, ttl / 3).await;
            say_over.send_replace(true);
        });
        Ok(Self { id, keeper, over })
    }

    /// Told once it is over.
    pub(crate) fn over(&self) -> watch::Receiver<bool> {
        self.over.clone()
    }

    /// Ends it, and what is kept under it; where etcd doesn't answer it ends by itself.
    pub(crate) async fn give_up(&self, link: &Link) {
        self.keeper.abort();
        let mut client = link.client.lease_client();
        let revoked = timeout(link.options.attempt, client.revoke(self.id)).await;
        if !matches!(revoked, Ok(Ok(_))) {
            tracing::debug!(?revoked, "a lease is left to run out");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Until it is over.
async fn keep(link: &Link, id: i64, pause: Duration) {
    while let Err(error) = keep_by_one_stream(link, id, pause).await {
        tracing::debug!(%error, "a lease is kept alive anew");
        sleep(pause / 4).await;
    }
}

/// Well, where it is over.
async fn keep_by_one_stream(link: &Link, id: i64, pause: Duration) -> Result<(), EtcdError> {
    let silent = |_| EtcdError::LeaseKeepAliveError("no answer".to_owned());
    let within = link.options.attempt.min(pause);
    let mut client = link.client.lease_client();
    let (mut keeper, mut kept) =
        match timeout(within, client.keep_alive(id)).await.map_err(silent)? {
            // How etcd's client says that etcd knows no such lease.
            Err(EtcdError::LeaseKeepAliveError(reason)) if reason == "lease not found" => {
                return Ok(());
            }
            streams => streams?,
        };
    loop {
        sleep(pause).await;
        keeper.keep_alive().await?;
        match timeout(within, kept.message()).await.map_err(silent)?? {
            Some(answer) if answer.ttl() <= 0 => return Ok(()),
            Some(_) => {}
            None => return Err(EtcdError::LeaseKeepAliveError("the stream ended".to_owned())),
        }
    }
}
