//! Coordinations of journals on several machines: who leads, what was decided, who takes part and what is asked
//! stand on [etcd](https://etcd.io), behind the traits that a file and threads implement on one machine.
//! `docs/coordination-etcd.md` tells which key is compared when.
//!
//! Absent on purpose: consensus of its own. etcd's is all there is: whatever must not happen twice is one
//! transaction that compares what its writer knows.
//!
//! ```no_run
//! use vexfs_coordination_etcd::{Etcd, EtcdOptions};
//!
//! # fn main() -> Result<(), vexfs_replay::Error> {
//! let options = EtcdOptions { endpoints: vec!["http://10.0.0.1:2379".into()], ..Default::default() };
//! let etcd = Etcd::connect(options)?;
//! let mut record = etcd.record();
//! let mut transport = etcd.transport(&record);
//! // Then `coordinate` on `Ground { record: &mut record, transport: &mut transport, .. }`.
//! # Ok(())
//! # }
//! ```

mod call;
mod connection;
mod fault;
mod fence;
mod follow;
mod join;
mod keys;
mod lease;
mod link;
mod look;
mod options;
mod place;
mod record;
mod runtime;
mod transport;

pub use connection::Etcd;
pub use fence::EtcdFence;
pub use join::{Joining, Until};
pub use look::{Asked, Look, Presence, Seen};
pub use options::EtcdOptions;
#[cfg(feature = "tls")]
pub use options::Tls;
pub use place::Holder;
pub use record::EtcdRecord;
pub use transport::EtcdTransport;
