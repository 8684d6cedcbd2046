//! What lies at or under a path, over the whole history: held against a model that knows the full
//! path of everything at every moment.

use std::cell::Cell;
use std::num::NonZero;

use proptest::prelude::*;
use proptest::sample::Index;
use vexfs_replay::journal::Validation;
use vexfs_replay::replay::{
    DamagePolicy, ReplayOptions, Selection, StopPoint, replay, replay_serially,
};
use vexfs_replay::state::KeyKind;

use crate::inspected::records;
use crate::journals::{hold, runner};
use crate::laws::{fail, options};
use crate::selections::selections;
use crate::trees::{histories, tell, wanted_paths};

#[test]
fn a_path_means_all_that_ever_lay_at_or_under_it() {
    let (found, empty) = (Cell::new(0), Cell::new(0));
    let until = proptest::option::weighted(0.3, any::<Index>());
    let also = proptest::option::weighted(0.3, selections());
    let inputs = (histories(), wanted_paths(), until, also, 0..Validation::ALL.len());
    hold(runner("a_path", 500).run(&inputs, |(ops, paths, until, also, mode)| {
        let history = tell(&ops);
        let (made, inspected) = (&history.made, &history.made.inspected);
        let until = until.map(|it| it.index(inspected.lines.len() + 2) as u64);
        let until_lsn = until.unwrap_or(u64::MAX);
        let also = also.map_or_else(Selection::default, |drawn| drawn.of(inspected));
        let wanted = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        let selection = Selection { paths: wanted, ..also };
        let under = history.under(&paths, until_lsn);
        let expected = inspected.state(&selection, Some(&under), until_lsn);
        let selected = inspected.selected(&selection, Some(&under));
        let selected = selected.iter().filter(|line| line.lsn <= until_lsn).count() as u64;
        let counter = if selected > 0 { &found } else { &empty };
        counter.set(counter.get() + 1);
        let until = until.map(StopPoint::Lsn);
        let threads = NonZero::new(2).unwrap();
        let options =
            ReplayOptions { until, threads, ..options(&selection, Validation::ALL[mode]) };
        let both = [
            replay(&made.journal, &options, &mut |_| {}),
            replay_serially(&made.journal, &options),
        ];
        for (state, outcome) in both.map(Result::unwrap) {
            let tally = outcome.findings.tally;
            if state.digest() != expected.digest() || tally.selected != selected {
                let (found, wanted) = (records(&state, |_| true), records(&expected, |_| true));
                let what = format!(
                    "until {until_lsn}, {under:?}, {} events and not {selected}\n{found:02x?}\nnot\
                     \n{wanted:02x?}\nby {ops:?}",
                    tally.selected
                );
                return Err(fail(made, &selection, &what));
            }
        }
        Ok(())
    }));
    println!("{} with something at the paths, {} with nothing", found.get(), empty.get());
    assert!(found.get() > 0 && empty.get() > 0);
}

#[test]
fn the_root_means_every_file_and_directory() {
    hold(runner("the_root", 100).run(&histories(), |ops| {
        let made = tell(&ops).made;
        let damage = DamagePolicy::Salvage;
        let all = ReplayOptions { damage, ..ReplayOptions::default() };
        let (all, _) = replay(&made.journal, &all, &mut |_| {}).unwrap();
        let selection = Selection { paths: [b"/".to_vec()].into(), ..Selection::default() };
        let options = options(&selection, Validation::Full);
        let (state, _) = replay(&made.journal, &options, &mut |_| {}).unwrap();
        let of_files = |kind| kind == KeyKind::Inode || kind == KeyKind::Entry;
        let expected = records(&all, |key| of_files(key.kind));
        prop_assert_eq!(records(&state, |_| true), expected);
        Ok(())
    }));
}
