//! What is done to the files of a journal.

use proptest::prelude::*;
use proptest::sample::Index;
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::small_journal::{change, names_of};

const PAGE: usize = 4096;

/// One thing that is done to one file.
#[derive(Clone, Debug)]
pub(crate) enum Harm {
    /// A bit is flipped.
    Flip(Index),
    /// Some bytes become others.
    Overwrite(Index, Vec<u8>),
    /// Pages become zeros.
    Zero(Index, usize),
    /// Pages are copied over others.
    Copy(Index, Index, usize),
    /// Pages change places with others.
    Swap(Index, Index, usize),
    /// Pages go, and what follows moves up.
    Cut(Index, usize),
    /// The file ends here.
    Truncate(Index),
    /// The file ends at a page.
    TruncatePages(Index),
    /// Zeros follow its end.
    Grow(usize),
    /// The file is gone.
    Remove,
}

pub(crate) fn harms() -> impl Strategy<Value = (Index, Harm)> {
    let at = any::<Index>;
    let pages = 1_usize..4;
    let harm = prop_oneof![
        6 => at().prop_map(Harm::Flip),
        2 => (at(), proptest::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(at, with)| Harm::Overwrite(at, with)),
        2 => (at(), pages.clone()).prop_map(|(at, pages)| Harm::Zero(at, pages)),
        2 => (at(), at(), pages.clone()).prop_map(|(from, to, pages)| Harm::Copy(from, to, pages)),
        2 => (at(), at(), pages.clone()).prop_map(|(from, to, pages)| Harm::Swap(from, to, pages)),
        1 => (at(), pages).prop_map(|(at, pages)| Harm::Cut(at, pages)),
        1 => at().prop_map(Harm::Truncate),
        1 => at().prop_map(Harm::TruncatePages),
        1 => (1_usize..20_000).prop_map(Harm::Grow),
        1 => Just(Harm::Remove),
    ];
    (at(), harm)
}

/// Does it to one of a journal's segments.
pub(crate) fn do_harm(folder: &MemoryFolder, (which, harm): &(Index, Harm)) {
    let names = names_of(folder);
    let Some(name) = names.get(which.index(names.len().max(1))) else { return };
    match harm {
        Harm::Remove => folder.remove(name).unwrap(),
        _ => change(folder, name, |content| harm_content(content, harm)),
    }
}

fn harm_content(content: &mut Vec<u8>, harm: &Harm) {
    let length = content.len();
    if length == 0 {
        return;
    }
    let page = |at: &Index| at.index(length) / PAGE * PAGE;
    let span = |at: usize, pages: usize| at..(at + pages * PAGE).min(length);
    match harm {
        Harm::Flip(at) => {
            let bit = at.index(length * 8);
            content[bit / 8] ^= 1 << (bit % 8);
        }
        Harm::Overwrite(at, with) => {
            let at = at.index(length);
            content.iter_mut().skip(at).zip(with).for_each(|(byte, with)| *byte = *with);
        }
        Harm::Zero(at, pages) => content[span(page(at), *pages)].fill(0),
        Harm::Copy(from, to, pages) => {
            let copied = content[span(page(from), *pages)].to_vec();
            content.iter_mut().skip(page(to)).zip(copied).for_each(|(byte, with)| *byte = with);
        }
        Harm::Swap(one, other, pages) => {
            let (one, other) = (page(one), page(other));
            for offset in 0..pages * PAGE {
                if one.max(other) + offset < length {
                    content.swap(one + offset, other + offset);
                }
            }
        }
        Harm::Cut(at, pages) => drop(content.drain(span(page(at), *pages))),
        Harm::Truncate(at) => content.truncate(at.index(length)),
        Harm::TruncatePages(at) => content.truncate(page(at)),
        Harm::Grow(bytes) => content.resize(length + bytes, 0),
        Harm::Remove => {}
    }
}
