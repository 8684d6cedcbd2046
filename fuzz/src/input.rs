//! How an input is read: three bytes of choices, and the rest by the first of them.
//!
//! | byte | bits | what it chooses |
//! |---|---|---|
//! | 0 | 0-1 | the rest is 0: a segment as it is; 1, 2: edits to the closed or the open base; 3: a story |
//! | 0 | 2-4 | the CRCs, the digests, the chain are made right afterwards |
//! | 1 | 0-1, 2-3 | the validation mode and the damage policy that are also run in parallel |
//! | 2 | all | the LSN up to which is replayed; 0 for all |

use vexfs_replay::journal::Validation;
use vexfs_replay::replay::DamagePolicy;

use crate::bases::{Ending, base};
use crate::{Segments, edits, repair, story};

/// How many bytes of choices there are.
pub const CHOICE_BYTES: usize = 3;

/// Every damage policy.
pub const POLICIES: [DamagePolicy; 4] =
    [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage];

/// What an input chooses beside its journal.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The mode that is also run in parallel. All are run serially.
    pub validation: Validation,
    /// The policy that is also run in parallel.
    pub damage: DamagePolicy,
    /// Where replay stops.
    pub until_lsn: Option<u64>,
}

/// The journal that an input stands for.
#[must_use]
pub fn journal_of(input: &[u8]) -> Option<(Segments, Choice)> {
    let (choices, rest) = input.split_first_chunk::<CHOICE_BYTES>()?;
    let &[how, modes, until] = choices;
    let mut segments = match how & 3 {
        0 => vec![Some(rest.to_vec())],
        1 => edits::edited(base(Ending::Closed), rest),
        2 => edits::edited(base(Ending::Died), rest),
        _ => story::told(rest),
    };
    let [crcs, digests, chain] = [4, 8, 16].map(|bit| how & bit != 0);
    repair::repair(&mut segments, repair::Repairs { crcs, digests, chain });
    let choice = Choice {
        validation: Validation::ALL[usize::from(modes & 3)],
        damage: POLICIES[usize::from(modes >> 2 & 3)],
        until_lsn: (until != 0).then_some(until.into()),
    };
    Some((segments, choice))
}
