//! A connection to etcd: what leads, carries questions, takes part or looks is made of it.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::coordination::Name;

use crate::fence::EtcdFence;
use crate::link::Link;
use crate::look::{Look, look};
use crate::options::EtcdOptions;
use crate::record::EtcdRecord;
use crate::runtime::Runtime;
use crate::transport::EtcdTransport;

/// A connection to etcd, for one coordination. Clones share it, and its thread, which ends with the last one.
#[derive(Clone, Debug)]
pub struct Etcd {
    pub(crate) link: Link,
    /// Dropped last. No task holds it: it would wait for itself.
    pub(crate) runtime: Arc<Runtime>,
}

impl Etcd {
    /// Connects. That succeeds where no member answers, too, as long as no password has to be checked.
    ///
    /// # Errors
    /// [`Error::Ground`] when an endpoint is none, or the password is refused; [`Error::NoThread`].
    pub fn connect(options: EtcdOptions) -> Result<Self, Error> {
        let runtime = Arc::new(Runtime::start()?);
        let link = runtime.wait(Link::connect(options))?;
        Ok(Self { link, runtime })
    }

    /// The decision record, and who leads.
    #[must_use]
    pub fn record(&self) -> EtcdRecord {
        EtcdRecord::new(self.clone())
    }

    /// Questions and answers, as long as this record leads.
    #[must_use]
    pub fn transport(&self, record: &EtcdRecord) -> EtcdTransport {
        EtcdTransport::new(self.clone(), record.leads())
    }

    /// The highest epoch that a participant has heard of, kept in etcd.
    ///
    /// # Errors
    /// [`Error::Ground`] when etcd can't be read.
    pub fn fence(&self, name: &Name) -> Result<EtcdFence, Error> {
        EtcdFence::open(self.clone(), name)
    }

    /// Who leads, who takes part and is alive, what is asked and what is answered. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Ground`] when etcd can't be read.
    pub fn look(&self) -> Result<Look, Error> {
        self.runtime.wait(look(&self.link))
    }
}
