//! What holds any backend of SHA-256 against the portable one: the same checks for all of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vexfs_kernels::{Digest, Kernel};

/// What a backend makes of ranges.
pub(crate) type Hash<'h> = dyn Fn(&[&[u8]]) -> Vec<Digest> + 'h;

/// A check by its name.
pub(crate) type Check = (&'static str, fn(&Hash<'_>));

/// Checks that any backend passes.
pub(crate) const CHECKS: [Check; 7] = [
    ("vectors_of_nist", vectors_of_nist),
    ("every_length_and_around_each_boundary", every_length_and_around_each_boundary),
    ("batches_of_every_size", batches_of_every_size),
    ("random_batches_of_unequal_lengths", random_batches_of_unequal_lengths),
    ("any_alignment_and_overlap", any_alignment_and_overlap),
    ("no_lane_mixes_with_another", no_lane_mixes_with_another),
    ("nothing_beyond_a_range_is_read", nothing_beyond_a_range_is_read),
];

/// Checks against the portable backend.
pub(crate) fn agrees(hash: &Hash<'_>, ranges: &[&[u8]]) {
    let mut expected = Vec::new();
    Kernel::PORTABLE.sha256_many(ranges, &mut expected);
    let found = hash(ranges);
    assert_eq!(found.len(), ranges.len());
    let lengths = || ranges.iter().map(|range| range.len()).collect::<Vec<_>>();
    assert!(found == expected, "differs for lengths {:?}", lengths());
}

/// Bytes that repeat nowhere.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| word()).collect();
    bytes.truncate(length);
    bytes
}

/// The examples of NIST for SHA-256 (FIPS 180-2, B.1 to B.3) and of its example files.
fn vectors_of_nist(hash: &Hash<'_>) {
    let million = vec![b'a'; 1_000_000];
    let two = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    let vectors: [(&[u8], &str); 6] = [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (two, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        (&million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        (&[0xBD], "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
        (
            &[0xC9, 0x8C, 0x8E, 0x55],
            "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504",
        ),
    ];
    let hex = |digest: &Digest| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let ranges = vectors.map(|(range, _)| range);
    let found: Vec<String> = hash(&ranges).iter().map(hex).collect();
    assert_eq!(found, vectors.map(|(_, digest)| digest));
    for (range, digest) in vectors {
        assert_eq!(hex(&hash(&[range])[0]), digest);
    }
}

fn every_length_and_around_each_boundary(hash: &Hash<'_>) {
    let bytes = noise(262_144 + 200);
    let powers = (12..=18).map(|power| 1_usize << power);
    let around = powers.flat_map(|boundary| boundary - 73..boundary + 74);
    let lengths: Vec<usize> = (0..=2048).chain(around).collect();
    let ranges: Vec<&[u8]> =
        lengths.iter().map(|&length| &bytes[length % 19..][..length]).collect();
    agrees(hash, &ranges);
}

/// Each number of ranges, so that each number of lanes idles at the end.
fn batches_of_every_size(hash: &Hash<'_>) {
    let bytes = noise(40_000);
    for size in 0..=70 {
        let equal: Vec<&[u8]> = (0..size).map(|at| &bytes[at..][..1000]).collect();
        agrees(hash, &equal);
        let unequal: Vec<&[u8]> =
            (0..size).map(|at| &bytes[at * 7..][..at * at * 5 % 3001]).collect();
        agrees(hash, &unequal);
    }
}

fn random_batches_of_unequal_lengths(hash: &Hash<'_>) {
    let bytes = noise(300_000);
    let length = prop_oneof![4 => 0..200_usize, 2 => 0..5_000_usize, 1 => 0..150_000_usize];
    let ranges = vec((0..100_000_usize, length), 0..60);
    let config = Config { cases: 120, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&ranges, |ranges| {
        let ranges: Vec<&[u8]> =
            ranges.iter().map(|&(from, length)| &bytes[from..][..length]).collect();
        agrees(hash, &ranges);
        Ok(())
    });
    assert!(result.is_ok(), "{result:?}");
}

fn any_alignment_and_overlap(hash: &Hash<'_>) {
    let bytes = noise(10_000);
    for shift in 0..64 {
        // Ranges that begin and end within each other, and the same one several times.
        let ranges: Vec<&[u8]> =
            (0..20).map(|at| &bytes[shift + at % 5..][..4096 + at % 3]).collect();
        agrees(hash, &ranges);
    }
}

/// A bit that is flipped in one range changes the digest of that one and of no other.
fn no_lane_mixes_with_another(hash: &Hash<'_>) {
    let mut bytes = noise(48 * 700);
    let of = |bytes: &[u8]| hash(&bytes.chunks(700).collect::<Vec<_>>());
    let before = of(&bytes);
    for number in 0..48 {
        bytes[number * 700 + number * 14] ^= 1 << (number % 8);
        let after = of(&bytes);
        let changed: Vec<usize> = (0..48).filter(|&it| before[it] != after[it]).collect();
        assert_eq!(changed, [number]);
        bytes[number * 700 + number * 14] ^= 1 << (number % 8);
    }
}

/// Each range lies in memory of its own and fills it, so that valgrind sees a read that goes farther.
fn nothing_beyond_a_range_is_read(hash: &Hash<'_>) {
    let bytes = noise(300);
    let ranges: Vec<Box<[u8]>> = (0..=300).map(|length| bytes[..length].into()).collect();
    agrees(hash, &ranges.iter().map(|range| &**range).collect::<Vec<_>>());
}
