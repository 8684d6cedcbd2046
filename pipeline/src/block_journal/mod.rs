//! Block journals of the VexFS kernel module ("VEXF"): circular logs of whole blocks, redone into the image
//! that they serve. `docs/kernel-journal.md` specifies every byte and rule.
//!
//! [`survey`] looks; [`plan`] decides, without I/O; [`redo`] acts on the plan, and alone writes to an image.
//! [`Writer`] makes journals, for tests and for whoever wants one.
//!
//! ```no_run
//! use vexfs_replay::block_journal::{Place, RedoOptions, redo, survey};
//!
//! # fn main() -> Result<(), vexfs_replay::Error> {
//! let journal = Place::on_disk("kernel.journal".as_ref())?;
//! let image = Place::on_disk("disk.image".as_ref())?;
//! println!("{} transactions are committed", survey(&journal)?.committed().count());
//! let redone = redo(&journal, &image, &RedoOptions::default())?;
//! println!("{} blocks were written", redone.blocks_written);
//! # Ok(())
//! # }
//! ```
//!
//! Absent on purpose: block devices (an image is a regular file), and journals inside the image that they
//! serve.

mod aside;
mod behind;
mod block;
mod fault;
pub mod layout;
mod place;
mod plan;
mod redo;
mod superblock;
mod survey;
mod transaction;
mod walk;
mod warning;
mod writer;

pub use aside::{CleanedUp, RolledBack, clean_up, roll_back};
pub use block::Block;
pub use fault::{Damage, Fault};
pub use place::Place;
pub use plan::{Decision, JournalAfter, Plan, RedoOptions, plan};
pub use redo::{Redone, differing, redo};
pub use survey::{Ending, Survey, survey};
pub use transaction::{Commit, DataBlock, Revocation, Transaction, TransactionOutcome};
pub use warning::Warning;
pub use writer::{JournalOptions, NewTransaction, Writer};
