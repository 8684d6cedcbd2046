//! Any bytes at all lead to one result, the same in every way, and to no panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::replay::{DamagePolicy, Findings};
use vexfs_replay::storage::Folder as _;

use crate::check::*;
use crate::play::play;
use crate::script::{SMALL, Script, scripts};
use crate::small_journal::{change, names_of};
use crate::story::Story;

const PAGE: usize = 4096;

/// What is done to a file of the journal.
#[derive(Clone, Debug)]
enum Mangling {
    Overwrite(Index, Vec<u8>),
    Cut(Index),
    Zeros(Index),
    /// A run of pages is copied over others.
    CopyPages(Index, Index, usize),
    /// The file of another segment takes its place.
    Swap(Index),
    Remove,
}

fn manglings() -> impl Strategy<Value = Mangling> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), vec(any::<u8>(), 1..40)).prop_map(|(at, with)| Mangling::Overwrite(at, with)),
        2 => at().prop_map(Mangling::Cut),
        1 => at().prop_map(Mangling::Zeros),
        4 => (at(), at(), 1_usize..4).prop_map(|(from, to, pages)| Mangling::CopyPages(from, to, pages)),
        1 => at().prop_map(Mangling::Swap),
        1 => Just(Mangling::Remove),
    ]
}

fn mangle(story: &Story, which: Index, mangling: &Mangling) {
    let folder = &story.folder;
    let names = names_of(folder);
    let Some(name) = names.get(which.index(names.len().max(1))) else { return };
    match mangling {
        Mangling::Remove => folder.remove(name).unwrap(),
        Mangling::Swap(other) => {
            let other = &names[other.index(names.len())];
            folder.put(name, folder.get(other).unwrap());
        }
        _ => change(folder, name, |content| mangle_content(content, mangling)),
    }
}

fn mangle_content(content: &mut Vec<u8>, mangling: &Mangling) {
    let within = |at: &Index, content: &[u8]| at.index(content.len().max(1));
    match mangling {
        Mangling::Overwrite(at, with) => {
            let at = within(at, content);
            content.iter_mut().skip(at).zip(with).for_each(|(byte, with)| *byte = *with);
        }
        Mangling::Cut(at) => content.truncate(within(at, content)),
        Mangling::Zeros(length) => content.resize(content.len() + length.index(5 * PAGE), 0),
        Mangling::CopyPages(from, to, pages) => {
            let (from, to) =
                (within(from, content) / PAGE * PAGE, within(to, content) / PAGE * PAGE);
            let copied: Vec<u8> = content[from..].iter().copied().take(pages * PAGE).collect();
            content.iter_mut().skip(to).zip(copied).for_each(|(byte, with)| *byte = with);
        }
        Mangling::Swap(_) | Mangling::Remove => {}
    }
}

/// All that findings say.
fn told(findings: &Findings) -> String {
    format!("{findings:#?}")
}

/// Replays in one way, and says what came of it.
fn result(way: Way, journal: &Journal, policy: DamagePolicy, validation: Validation) -> String {
    match replay_by(way, journal, &options(policy, validation)) {
        Ok((state, outcome)) => format!("{:02x?} {}", state.digest(), told(&outcome.findings)),
        Err(error) => error.to_string(),
    }
}

#[test]
fn law_6_any_bytes_lead_to_the_same_result_in_every_way() {
    let policies = proptest::sample::select(vec![
        DamagePolicy::Strict,
        DamagePolicy::Tail,
        DamagePolicy::Prefix,
        DamagePolicy::Salvage,
        DamagePolicy::Salvage,
    ]);
    let inputs = (scripts(SMALL), vec((any::<Index>(), manglings()), 1..4), policies, 0_usize..3);
    hold(runner(1000).run(&inputs, |(script, manglings, policy, turn)| {
        let script: Script = script;
        let story = play(&script);
        manglings.iter().for_each(|(which, mangling)| mangle(&story, *which, mangling));
        let Ok(journal) = Journal::open(std::sync::Arc::new(story.folder.clone())) else {
            return Ok(());
        };
        for validation in Validation::ALL {
            let serially = result(Way::Serially, &journal, policy, validation);
            let way = Way::InParallel([1, 2, 8][turn]);
            let parallel = result(way, &journal, policy, validation);
            if serially != parallel {
                let what = format!("{way:?} {validation:?} {parallel}\nserially {serially}");
                return Err(failure(&story, "of a mangled journal", &what));
            }
        }
        Ok(())
    }));
}
