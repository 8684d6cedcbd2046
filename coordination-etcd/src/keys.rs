//! Which key holds what. `docs/coordination-etcd.md` holds the same table.

use vexfs_replay::coordination::Name;

/// The keys of one coordination.
#[derive(Clone, Debug)]
pub(crate) struct Keys(String);

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self(prefix.to_owned())
    }

    /// Who leads, under its lease.
    pub(crate) fn leader(&self) -> String {
        format!("{}leader", self.0)
    }

    /// All entries of the decision record.
    pub(crate) fn entries(&self) -> String {
        format!("{}entries/", self.0)
    }

    /// One entry: so many digits that the order of keys is the order of entries.
    pub(crate) fn entry(&self, index: u64) -> String {
        format!("{}entries/{index:020}", self.0)
    }

    /// Who takes part, each under its lease.
    pub(crate) fn members(&self) -> String {
        format!("{}members/", self.0)
    }

    pub(crate) fn member(&self, name: &Name) -> String {
        format!("{}members/{name}", self.0)
    }

    /// The newest question to each participant.
    pub(crate) fn calls(&self) -> String {
        format!("{}calls/", self.0)
    }

    pub(crate) fn call(&self, name: &Name) -> String {
        format!("{}calls/{name}", self.0)
    }

    /// The newest answer of each participant.
    pub(crate) fn answers(&self) -> String {
        format!("{}answers/", self.0)
    }

    pub(crate) fn answer(&self, name: &Name) -> String {
        format!("{}answers/{name}", self.0)
    }

    /// Signs of life of those who are at work, under their leases.
    pub(crate) fn signs(&self) -> String {
        format!("{}alive/", self.0)
    }

    pub(crate) fn sign(&self, name: &Name) -> String {
        format!("{}alive/{name}", self.0)
    }

    /// The latest question that a participant has heard.
    pub(crate) fn fence(&self, name: &Name) -> String {
        format!("{}fences/{name}", self.0)
    }
}
