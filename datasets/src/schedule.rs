//! Which records begin a transaction, belong to one, end one, or stand alone.
//!
//! Transactions come in bursts. If some were open all the time, the hottest keys would nearly
//! always be held by one of them, and everything else would have to go around these keys; a burst
//! has long quiet stretches before and after it, where all keys are there for all.

use crate::random::{Chance, Source};
use crate::recipe::Recipe;

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its changes take place.
    Commit,
    /// Its changes never take place.
    Abort,
}

/// The part that a record has in transactions. A transaction goes by the number of its lane, which
/// is used again once the transaction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Alone,
    Begin(u16),
    Within(u16),
    End(u16, Outcome),
}

/// Of the records in a burst, at least this share is of its transactions.
const SHARE_OF_BURST: f64 = 0.8;

#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// Records to come, those of the huge transaction not counted.
    left: u64,
    huge: Huge,
    burst: Burst,
    /// Records until the next burst.
    quiet: u64,
    mean_quiet: u64,
}

#[derive(Clone, Debug)]
struct Huge {
    lane: u16,
    left: u64,
    begins_at_left: u64,
    begun: bool,
}

#[derive(Clone, Debug)]
struct Burst {
    to_begin: u16,
    open: Vec<Open>,
    free_lanes: Vec<u16>,
    of_burst: Chance,
    aborts: Chance,
    mean_touches: u32,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    lane: u16,
    touches_left: u32,
    outcome: Outcome,
}

impl Schedule {
    pub(crate) fn new(recipe: &Recipe) -> Self {
        let lanes = recipe.transactions_open_max;
        let huge_records = share_of(recipe.huge_transaction_share, recipe.events);
        // A begin and an end alone would be no transaction worth its name.
        let huge_records = if huge_records < 3 { 0 } else { huge_records };
        let left = recipe.events - huge_records;
        let share = recipe.transactional_share;
        let of_burst = share.max(SHARE_OF_BURST);
        let records = (f64::from(lanes) + 1.0) / 2.0;
        let records = records * (f64::from(recipe.transaction_mean_touches) + 2.0);
        let mean_quiet = if share > 0.0 { records / share - records / of_burst } else { 1e18 };
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and that is long enough")]
        let mean_quiet = mean_quiet.round() as u64;
        Self {
            left,
            huge: Huge { lane: lanes, left: huge_records, begins_at_left: left / 2, begun: false },
            burst: Burst {
                to_begin: 0,
                open: Vec::with_capacity(lanes.into()),
                free_lanes: (0..lanes).rev().collect(),
                of_burst: Chance::of(of_burst),
                aborts: Chance::of(recipe.aborted_share),
                mean_touches: recipe.transaction_mean_touches,
            },
            quiet: mean_quiet / 2,
            mean_quiet,
        }
    }

    /// How many lanes there are.
    pub(crate) fn lanes(&self) -> u16 {
        self.huge.lane + 1
    }

    pub(crate) fn next(&mut self, source: &mut Source) -> Option<Part> {
        let huge = &mut self.huge;
        if huge.left > 0 && self.left <= huge.begins_at_left {
            // Sampling without replacement: both kinds are used up together.
            if source.below(huge.left + self.left) < huge.left {
                return Some(huge.next());
            }
        }
        let left = self.left;
        self.left = left.checked_sub(1)?;
        Some(self.next_beside(left, source))
    }

    /// The next record outside of the huge transaction; `left` counts it too.
    fn next_beside(&mut self, left: u64, source: &mut Source) -> Part {
        let burst = &mut self.burst;
        if left <= burst.open.len() as u64 {
            burst.to_begin = 0;
            return burst.end(0);
        }
        if burst.to_begin == 0 && burst.open.is_empty() {
            if self.quiet > 0 {
                self.quiet -= 1;
                return Part::Alone;
            }
            let lanes = burst.free_lanes.len() as u64;
            burst.to_begin = u16::try_from(source.below(lanes) + 1).unwrap_or(u16::MAX);
            self.quiet = source.below(self.mean_quiet.saturating_mul(2).saturating_add(1));
        }
        burst.next(left, source)
    }
}

impl Huge {
    fn next(&mut self) -> Part {
        self.left -= 1;
        if !std::mem::replace(&mut self.begun, true) {
            Part::Begin(self.lane)
        } else if self.left == 0 {
            Part::End(self.lane, Outcome::Commit)
        } else {
            Part::Within(self.lane)
        }
    }
}

impl Burst {
    fn next(&mut self, left: u64, source: &mut Source) -> Part {
        // Begin, one touch and end, for each that is open and for one more.
        let room = left >= 3 * (self.open.len() as u64 + 1);
        if !room {
            self.to_begin = 0;
        }
        if !source.chance(self.of_burst) {
            return Part::Alone;
        }
        let begins = self.to_begin > 0 && (self.open.is_empty() || source.below(3) == 0);
        if begins && let Some(lane) = self.free_lanes.pop() {
            self.to_begin -= 1;
            let touches_left = 1 + source.below_u32(2 * self.mean_touches - 1);
            let aborts = source.chance(self.aborts);
            let outcome = if aborts { Outcome::Abort } else { Outcome::Commit };
            self.open.push(Open { lane, touches_left, outcome });
            return Part::Begin(lane);
        }
        let at = usize::try_from(source.below(self.open.len() as u64)).unwrap_or(0);
        match self.open.get_mut(at) {
            None => Part::Alone,
            Some(open) if open.touches_left > 0 => {
                open.touches_left -= 1;
                Part::Within(open.lane)
            }
            Some(_) => self.end(at),
        }
    }

    fn end(&mut self, at: usize) -> Part {
        let Open { lane, outcome, .. } = self.open.swap_remove(at);
        self.free_lanes.push(lane);
        Part::End(lane, outcome)
    }
}

/// This share of `whole`, rounded.
fn share_of(share: f64, whole: u64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "a record more or less makes no difference")]
    let part = (share * whole as f64).round();
    #[expect(clippy::cast_possible_truncation, reason = "capped by the whole")]
    let part = part as u64;
    part.min(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(recipe: &Recipe, seed: u64) -> Vec<Part> {
        let (mut schedule, mut source) = (Schedule::new(recipe), Source::new(seed));
        std::iter::from_fn(|| schedule.next(&mut source)).collect()
    }

    /// Asserts that begins, touches and ends fit together, and gives the most open at once.
    fn most_open(parts: &[Part], lanes: usize) -> usize {
        let (mut open, mut most) = (vec![false; lanes], 0);
        for part in parts {
            match *part {
                Part::Alone => {}
                Part::Begin(lane) => assert!(!std::mem::replace(&mut open[lane as usize], true)),
                Part::Within(lane) => assert!(open[lane as usize]),
                Part::End(lane, _) => assert!(std::mem::take(&mut open[lane as usize])),
            }
            most = most.max(open.iter().filter(|open| **open).count());
        }
        assert_eq!(open, vec![false; lanes], "all have ended");
        most
    }

    #[test]
    fn transactions_are_whole_and_records_are_exact_in_any_length() {
        let mut recipe = Recipe::named("tiny").unwrap();
        for events in 0..300 {
            recipe.events = events;
            recipe.huge_transaction_share = if events % 2 == 0 { 0.4 } else { 0.0 };
            let parts = parts(&recipe, events);
            assert_eq!(parts.len() as u64, events);
            assert!(most_open(&parts, 4) <= 4);
        }
    }

    #[test]
    fn shares_are_kept() {
        let recipe = Recipe::named("100k").unwrap();
        let parts = parts(&Recipe { events: 400_000, ..recipe }, 7);
        assert_eq!(most_open(&parts, 9), 8);
        let count = |wanted: fn(&Part) -> bool| {
            u32::try_from(parts.iter().filter(|part| wanted(part)).count()).map(f64::from).unwrap()
        };
        let inside = count(|part| *part != Part::Alone) / 400_000.0;
        assert!((inside - 0.2).abs() < 0.02, "{inside} in transactions");
        let begins = count(|part| matches!(part, Part::Begin(_)));
        let mean = count(|part| matches!(part, Part::Within(_))) / begins;
        assert!((mean - 10.0).abs() < 0.5, "{mean} touches each");
        let aborted = count(|part| matches!(part, Part::End(_, Outcome::Abort))) / begins;
        assert!((aborted - 0.05).abs() < 0.01, "{aborted} aborted");
    }

    #[test]
    fn the_huge_transaction_holds_its_share() {
        let recipe = Recipe::named("huge-transaction").unwrap();
        let parts = parts(&Recipe { events: 100_000, ..recipe }, 7);
        most_open(&parts, 9);
        let inside = parts.iter().filter(|part| **part != Part::Alone).count();
        assert_eq!(inside, 90_000);
        let end = parts.iter().position(|part| matches!(part, Part::End(..))).unwrap();
        assert!(end > 99_000, "it ends at {end}");
    }
}
