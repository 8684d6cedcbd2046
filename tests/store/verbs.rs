//! The state verbs show the same of a store as of its journal.

use crate::program::{Made, run, succeed, text_of};

#[test]
fn state_verbs_read_the_same_from_store_and_journal() {
    let made = Made::by(&["--events", "3000", "--recipe", "1k"]);
    let journal = made.path();
    let store = journal.with_extension("store");
    let (journal, store) = (text_of(&journal), text_of(&store));
    let replayed = succeed(&["replay", journal, "--store", store]);
    assert_eq!(replayed["state_digest"], succeed(&["replay", journal])["state_digest"]);
    let verbs: [&[&str]; 8] = [
        &["count"],
        &["digest"],
        &["list"],
        &["list", "--kind", "link"],
        &["ls-tree"],
        &["ls-tree", "-z"],
        &["get", "node", "1"],
        &["get", "vector", "999999"],
    ];
    for verb in verbs {
        let (verb, more) = (verb[0], &verb[1..]);
        let both = [journal, store].map(|of| run(&[&["state", verb, of], more].concat()));
        assert_eq!(both[0].code, Some(0), "{verb}: {both:?}");
        assert_eq!(both[0].stdout, both[1].stdout, "{verb}");
        assert_eq!(both[0].code, both[1].code, "{verb}");
    }
    for (verb, field) in [("list", "records"), ("count", "records"), ("ls-tree", "files")] {
        let [of_journal, of_store] = [journal, store].map(|of| succeed(&["state", verb, of]));
        assert_eq!(of_journal[field], of_store[field], "{verb}");
        assert_eq!(of_store["store"]["lsn"], 3000);
    }
}

/// It has one state, and can't be asked for another.
#[test]
fn what_needs_the_journal_is_refused() {
    let made = Made::usual();
    let journal = made.path();
    let store = journal.with_extension("store");
    let (journal, store) = (text_of(&journal), text_of(&store));
    succeed(&["replay", journal, "--store", store]);
    let ran = run(&["state", "count", store, "--until-lsn", "10"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}
