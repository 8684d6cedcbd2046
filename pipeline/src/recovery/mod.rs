//! The recovery manager: finds out what happened to a journal, chooses the way back, carries it out,
//! falls back where it must, and says what is back and what is lost.
//!
//! [`classify`] and [`choose`] decide, and are pure functions over a few [`Facts`]; the survey looks
//! without changing anything; one executor acts. Absent on purpose: any write to the journal.

mod aside;
mod choose;
mod classify;
mod coordinated;
mod estimate;
mod execute;
mod facts;
mod foresee;
mod loss;
mod manager;
mod options;
mod publish;
mod record;
mod recovered;
mod roll_back;
mod seen;
mod strategy;
mod survey;
mod survey_checkpoints;
mod upkeep;
mod without;
mod work;

pub use aside::Rollback;
pub(crate) use aside::is_put_aside;
pub use choose::{Allowed, Excluded, Plan, choose, choose_only, preference};
pub use classify::{Diagnosis, classify, rules};
pub use coordinated::{Agreement, Coordinator, DecisionFile, LocalReport};
pub use estimate::Estimate;
pub use facts::{Checkpoint, Ending, Facts, FailureType};
pub use loss::{Lost, LostRange, LsnRange};
pub use manager::RecoveryManager;
pub use options::{Accept, Places, RecoveryOptions};
pub use record::{Record, RecoveryState, Tried, Unread};
pub use recovered::{Recovered, Recovery};
pub use seen::SeenDamage;
pub use strategy::{Loss, Strategy, Way};
pub use survey::Survey;
pub use survey_checkpoints::SurveyedCheckpoint;
pub use upkeep::{Cleaned, Statistics};
