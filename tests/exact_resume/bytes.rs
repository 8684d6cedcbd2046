//! Checkpoints with bytes that are wrong, cut off, or made up: never a panic, never another state.
//! The replay goes on from an older one, or begins at the journal's front.

use std::time::Instant;

use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::checkpoint::layout::{CheckpointHeader, CheckpointTrailer};
use vexfs_replay::checkpoint::{CheckpointFault, CheckpointPolicy};
use vexfs_replay::journal::Validation;
use vexfs_replay::replay::{DamagePolicy, replay};
use vexfs_replay::storage::MemoryFolder;

use crate::came::{came, checkpoints_in};
use crate::chain::*;
use crate::check::open;
use crate::scribe::Step;
use crate::small_journal::{OPTIONS, journal_of};

/// Every how many bytes a flip is replayed, too.
const REPLAYED_EVERY: usize = if cfg!(debug_assertions) { 997 } else { 29 };

/// A replay passes over the damaged checkpoint and those that build on it, and goes on from the
/// newest one that is left.
fn check_passed_over(
    chain: &Chain,
    which: usize,
    checkpoints: &MemoryFolder,
    turn: usize,
    at: &str,
) {
    let options = options(DamagePolicy::Tail, Validation::Cryptographic);
    let expected = chain.expected(&options);
    let keep_one = CheckpointPolicy { keep: 1, deltas_max: 0, ..KEEP_ALL };
    let policy = [None, Some(KEEP_ALL), Some(keep_one)][turn % 3];
    let outcome = chain.check(checkpoints, &options, &expected, policy, at);
    if let Some(newest) = &outcome.checkpoints.newest {
        assert!(is_usable(checkpoints, newest), "{at}");
    }
    let passed_over: Vec<String> = passed_over(&outcome).into_iter().map(|it| it.0).collect();
    let mut wanted = chain.names[which..].to_vec();
    wanted.reverse();
    assert_eq!(passed_over, wanted, "{at}");
    let started_from = outcome.started_from.map(|it| it.checkpoint);
    assert_eq!(started_from.as_ref(), chain.names[..which].last(), "{at}");
}

#[test]
fn fault_22_a_flip_of_any_byte_costs_the_checkpoint_alone() {
    let (started, chain) = (Instant::now(), Chain::new());
    let (mut flips, mut replays) = (0, 0);
    for which in 0..chain.names.len() {
        let content = chain.content(which);
        for at in 0..content.len() {
            let mut flipped = content.clone();
            flipped[at] ^= 1 << (at % 8);
            let checkpoints = chain.with(which, flipped);
            let told = format!("byte {at} of {}", chain.names[which]);
            assert!(!is_usable(&checkpoints, &chain.names[which]), "{told}");
            flips += 1;
            if flips % REPLAYED_EVERY == 0 {
                check_passed_over(&chain, which, &checkpoints, replays, &told);
                replays += 1;
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{flips} flips, {replays} of them replayed, {seconds:.1} s");
}

#[test]
fn fault_22_a_checkpoint_of_any_other_length_is_none() {
    let (started, chain) = (Instant::now(), Chain::new());
    let (mut lengths, mut replays) = (0, 0);
    for which in 0..chain.names.len() {
        let content = chain.content(which);
        let mut changed: Vec<_> =
            (0..content.len()).map(|length| content[..length].to_vec()).collect();
        for more in [1, 31, 32, 512, 4096] {
            changed.push([&content[..], &vec![0; more]].concat());
            changed.push([&content[..], &content[content.len() - more..]].concat());
        }
        // What the disk lost is zeros.
        for from in (0..content.len()).step_by(512) {
            let mut zeroed = content.clone();
            zeroed[from..].fill(0);
            changed.push(zeroed);
        }
        for content in changed {
            let told = format!("{} bytes of {}", content.len(), chain.names[which]);
            let is_empty = content.is_empty();
            let checkpoints = chain.with(which, content);
            assert!(!is_usable(&checkpoints, &chain.names[which]), "{told}");
            lengths += 1;
            if lengths % REPLAYED_EVERY == 0 || is_empty {
                check_passed_over(&chain, which, &checkpoints, replays, &told);
                replays += 1;
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{lengths} lengths, {replays} of them replayed, {seconds:.1} s");
}

/// Checkpoints that claim what isn't so, all checksums right; named, with the fault expected.
fn hostile(content: &[u8]) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let header = |change: fn(&mut CheckpointHeader)| with_header(content, change);
    let trailer = |change: fn(&mut CheckpointTrailer)| with_trailer(content, change);
    let raw = |raw_bytes: u64| with_directory(content, |it| it[3].raw_bytes = raw_bytes);
    let stored =
        |stored_bytes: u64| with_directory(content, |it| it[3].stored_bytes = stored_bytes);
    let offset = |offset: u64| with_directory(content, |it| it[3].offset = offset);
    let raw_now = |add: i64| {
        with_directory(content, |it| it[3].raw_bytes = it[3].raw_bytes.wrapping_add_signed(add))
    };
    vec![
        ("a huge manifest", header(|it| it.manifest_bytes = u32::MAX), "limit_exceeded"),
        (
            "a manifest as long as one may be",
            header(|it| it.manifest_bytes = 4 << 20),
            "limit_exceeded",
        ),
        ("a manifest up to the end", header(|it| it.manifest_bytes += 8000), "manifest"),
        ("no manifest", header(|it| it.manifest_bytes = 0), "manifest"),
        ("no sections", header(|it| it.sections = 0), "field"),
        ("a section too many", header(|it| it.sections += 1), "field"),
        ("a section for everyone", header(|it| it.sections = u32::MAX), "field"),
        ("no kind", header(|it| it.kind = 0), "field"),
        ("a third kind", header(|it| it.kind = 3), "field"),
        ("a fifth validation mode", header(|it| it.validation = 4), "field"),
        ("a later format", header(|it| it.major = 2), "unknown_format"),
        ("another watermark", header(|it| it.watermark_lsn += 1), "field"),
        ("another restart", header(|it| it.restart_lsn += 1), "field"),
        ("no directory", trailer(|it| it.directory_offset = 0), "field"),
        ("a directory far out", trailer(|it| it.directory_offset = u64::MAX), "field"),
        ("a directory in the trailer", trailer(|it| it.directory_offset += 8), "field"),
        ("half a state digest", trailer(|it| it.state_digest_known = 2), "field"),
        ("a huge section", raw(u64::MAX), "limit_exceeded"),
        ("a section as long as one may be", raw(1 << 36), "section"),
        ("a section that is longer than it says", raw(0), "section"),
        ("a section that is a byte longer than it says", raw_now(-1), "section"),
        ("a section that is a byte shorter than it says", raw_now(1), "section"),
        ("a huge stored section", stored(u64::MAX), "limit_exceeded"),
        ("a stored section up to the trailer", stored(1 << 14), "limit_exceeded"),
        ("a section in front of the file", offset(0), "field"),
        ("a section far out", offset(u64::MAX), "field"),
    ]
}

#[test]
fn fault_03_and_04_lengths_that_are_made_up_are_not_believed() {
    let chain = Chain::new();
    let mut count = 0;
    for which in [0, chain.names.len() - 1] {
        for (what, content, fault) in hostile(&chain.content(which)) {
            let checkpoints = chain.with(which, content.clone());
            assert!(!is_usable(&checkpoints, &chain.names[which]), "{what}");
            check_passed_over(&chain, which, &checkpoints, count, what);
            let checkpoints = chain.with(which, content);
            let options = options(DamagePolicy::Tail, Validation::Cryptographic);
            let expected = chain.expected(&options);
            let outcome = chain.check(&checkpoints, &options, &expected, None, what);
            let found = passed_over(&outcome).into_iter().find(|it| it.0 == chain.names[which]);
            assert_eq!(found.unwrap().1, fault, "{what}: {:?}", outcome.passed_over);
            count += 1;
        }
    }
    println!("{count} hostile checkpoints");
}

/// A section that decompresses to far more than it says is given up at what it says.
#[test]
fn fault_04_a_section_that_expands_is_capped() {
    let chain = Chain::new();
    let changed = with_bomb(&chain.content(0), 64 << 20);
    check_passed_over(&chain, 0, &chain.with(0, changed), 0, "a bomb");
}

/// Manifests that say of the journal what isn't so: the cut's block, and where reading restarts.
fn untrue_manifests(content: &[u8]) -> Vec<(String, Vec<u8>)> {
    let numbers = [0, 1, 8, 4096, u64::MAX, u64::MAX - 7].map(|number| json!(number));
    let lengths = [0, 1, 64, 512, 1024, 2048, u32::MAX].map(|length| json!(length));
    let digests = ["ab".repeat(32)].map(|digest| json!(digest));
    let ids = ["ab".repeat(16)].map(|id| json!(id));
    let places: [(&str, &[Value]); 10] = [
        ("/restart/segment", &numbers),
        ("/restart/writer_epoch", &numbers),
        ("/restart/offset", &numbers),
        ("/restart/next_block", &numbers),
        ("/restart/digest", &digests),
        ("/restart/journal_id", &ids),
        ("/block/segment", &numbers),
        ("/block/offset", &numbers),
        ("/block/block_bytes", &lengths),
        ("/block/digest", &digests),
    ];
    let values = places.iter().flat_map(|(place, values)| values.iter().map(move |it| (place, it)));
    let change = |(place, value): (&&str, &Value)| {
        let mut is_true = false;
        let changed = with_manifest(content, |manifest| {
            let found = manifest.pointer_mut(place).unwrap();
            is_true = *found == *value;
            *found = value.clone();
        });
        (!is_true).then(|| (format!("{place} {value}"), changed))
    };
    let mut untrue: Vec<_> = values.filter_map(change).collect();
    for lsn in [0, 1, 2, u64::MAX, u64::MAX - 1] {
        let changed = with_manifest(content, |it| it["restart"]["next_lsn"] = json!(lsn));
        let changed = with_header(&changed, |it| it.restart_lsn = lsn);
        untrue.push((format!("a restart at LSN {lsn}"), changed));
    }
    untrue
}

/// The replay comes to what it would without checkpoints, or a checkpoint is told to be ahead.
fn check_untrue(chain: &Chain, which: usize, checkpoints: &MemoryFolder, at: &str) {
    for damage in [DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage] {
        let mut options = options(damage, Validation::Cryptographic);
        let expected = chain.expected(&options);
        options.checkpoints = checkpoints_in(checkpoints.clone(), None);
        let replayed = replay(&open(&chain.journal), &options, &mut |_| {});
        if let Err(Error::BadCheckpoint { fault: CheckpointFault::Ahead { .. }, .. }) = replayed {
            assert_eq!(damage, DamagePolicy::Tail, "{at}");
            continue;
        }
        assert_eq!(came(&replayed), expected, "{at}: {:?}", replayed.map(|it| it.1));
        let passed_over = passed_over(&replayed.unwrap().1);
        assert!(passed_over.iter().any(|it| it.0 == chain.names[which]), "{at}: {passed_over:?}");
    }
}

#[test]
fn fault_24_a_restart_that_is_none_is_found_out() {
    // With transactions that are open at the cuts, and without.
    let plain = [Step::Set(3_000), Step::Commit].repeat(12);
    let plain = Chain::of(journal_of(&plain, OPTIONS).0, &[3, 6, 9], Validation::Cryptographic);
    let mut count = 0;
    for chain in [Chain::new(), plain] {
        for which in 0..chain.names.len() {
            for (what, changed) in untrue_manifests(&chain.content(which)) {
                check_untrue(&chain, which, &chain.with(which, changed), &what);
                count += 1;
            }
        }
    }
    println!("{count} manifests that aren't true");
}
