//! Plays seeds on all cores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::counts::Counts;
use crate::world::World;

/// How many seeds CI plays.
const SEEDS: u64 = 50_000;
/// From so many on everything that can happen does.
const SEEDS_FOR_ALL: u64 = 20_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|it| it.parse().unwrap())
}

fn play(seed: u64, traced: bool) -> (World, Result<(), String>) {
    let mut world = World::of(seed, traced);
    let played = catch_unwind(AssertUnwindSafe(|| world.run()));
    let played = played.unwrap_or_else(|_| Err("it panicked".to_owned()));
    (world, played)
}

/// The same seed, with all that happened.
fn told(seed: u64, fault: &str) -> String {
    let (world, _) = play(seed, true);
    let trace = world.trace.unwrap_or_default().join("\n");
    format!(
        "{trace}\n\nseed {seed}: {fault}\nrepeat it with: COORDINATION_SEED={seed} cargo test --release \
         --test coordination_simulation -- --nocapture"
    )
}

#[test]
fn every_seed_ends_in_one_cut_or_in_a_reason() {
    let begun = Instant::now();
    if let Some(seed) = number("COORDINATION_SEED") {
        let (_, played) = play(seed, false);
        let fault = played.err();
        println!("{}", told(seed, fault.as_deref().unwrap_or("it holds")));
        assert_eq!(fault, None);
        return;
    }
    let seeds = number("COORDINATION_SEEDS").unwrap_or(SEEDS);
    let played = (0..seeds).into_par_iter().map(|seed| {
        let (world, played) = play(seed, false);
        played.map(|()| world.counts).map_err(|fault| (seed, fault))
    });
    let counts = played.try_reduce(Counts::default, |one, other| Ok(one.add(other)));
    let counts = counts.unwrap_or_else(|(seed, fault)| {
        println!("{}", told(seed, &fault));
        panic!("seed {seed}: {fault}")
    });
    println!("{seeds} seeds in {:.1?}: {counts:#?}", begun.elapsed());
    if seeds >= SEEDS_FOR_ALL {
        assert_eq!(counts.missing(), Vec::<&str>::new(), "never happened");
    }
}
