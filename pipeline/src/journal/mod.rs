//! The journal: how it lies in bytes, how it is written, how it is walked, and what damage to it
//! means. Knows bytes and kernels; knows nothing of events' effects or of state.

pub mod block;
mod buffer;
pub mod damage;
mod find_end;
mod group;
mod index;
mod judge;
pub mod layout;
mod plan;
mod reader;
mod scan;
pub mod seal;
pub mod segment;
mod stretch;
mod transaction;
mod validation;
mod walk;
mod writer;

pub(crate) use buffer::zeroed;
pub use index::{IndexedBlock, SegmentIndex};
pub use judge::Judge;
pub use plan::{Amount, Plan, PlanSummary, PlannedBlock, SkipReason};
pub use reader::{Journal, Segment};
pub(crate) use scan::visit_blocks;
pub use stretch::{End, EndKind, Frame, Stretch};
pub use transaction::{Transaction, TransactionDigest};
pub use validation::Validation;
pub use walk::{Fill, PastDamage, Walk};
pub use writer::{Appended, Durability, Head, NewEvent, Writer, WriterOptions};
