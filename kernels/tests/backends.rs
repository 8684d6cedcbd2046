//! Every backend of SHA-256 against the portable one. A backend that this machine can't run shows as
//! ignored, with what it lacks.

mod agreement;

use libtest_mimic::{Arguments, Trial};
use vexfs_kernels::{Backend, Kernel, Sha256Stream, crc32_linux, crc32c, sha256, sha256_many};

use agreement::{CHECKS, Hash, agrees, noise};

fn main() {
    let arguments = Arguments::from_args();
    let backends = Backend::ALL.into_iter().flat_map(|backend| {
        let checks =
            CHECKS.into_iter().chain([("more_than_4_gib", more_than_4_gib as fn(&Hash<'_>))]);
        checks.map(move |(name, check)| trial(backend, name, check))
    });
    let others: [(&str, fn()); 6] = [
        ("crc32c_agrees_with_the_catalogue", crc32c_agrees_with_the_catalogue),
        ("crc32c_agrees_with_its_definition", crc32c_agrees_with_its_definition),
        ("crc32_linux_agrees_with_its_definition", crc32_linux_agrees_with_its_definition),
        ("a_stream_in_pieces_equals_one_call", a_stream_in_pieces_equals_one_call),
        ("the_quickest_backend_agrees", the_quickest_backend_agrees),
        ("names_lead_back_to_their_backends", names_lead_back_to_their_backends),
    ];
    let others = others.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, backends.chain(others).collect()).exit();
}

/// A check of a backend, ignored where the machine can't run it.
fn trial(backend: Backend, name: &str, check: fn(&Hash<'_>)) -> Trial {
    match backend.kernel() {
        Ok(kernel) => Trial::test(format!("{backend}::{name}"), move || {
            check(&|ranges| {
                // What was there before is no part of the result.
                let mut digests = vec![[0xAA; 32]; 3];
                kernel.sha256_many(ranges, &mut digests);
                digests
            });
            Ok(())
        }),
        Err(missing) => {
            let trial = Trial::test(format!("{backend}::{name} ({missing})"), || Ok(()));
            trial.with_ignored_flag(true)
        }
    }
}

/// The length in bits needs more than 32 of them, and then some.
fn more_than_4_gib(hash: &Hash<'_>) {
    let length = (1 << 32) + 3;
    let zeros = vec![0; length];
    let mut stream = Sha256Stream::default();
    zeros.chunks(1 << 20).for_each(|piece| stream.update(piece));
    let short: &[u8] = &zeros[..100];
    assert_eq!(hash(&[&zeros, short]), [stream.finish(), sha256(short)]);
}

fn crc32c_agrees_with_the_catalogue() {
    assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    assert_eq!(crc32c(b""), 0);
}

/// A bit at a time, by the polynomial.
fn crc32c_agrees_with_its_definition() {
    let bytes = noise(2200);
    for length in (0..300).chain([511, 512, 1023, 1024, 1025, 2047, 2048, 2049]) {
        let range = &bytes[length % 17..][..length];
        let crc = range.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ ((crc & 1) * 0x82F6_3B78))
        });
        assert_eq!(crc32c(range), !crc, "of {length} bytes");
    }
}

/// A bit at a time, by the polynomial, and in two pieces.
fn crc32_linux_agrees_with_its_definition() {
    assert_eq!(crc32_linux(0, b"123456789"), 0x2DFD_2D88);
    let bytes = noise(5000);
    for length in (0..300).chain([511, 512, 1025, 2047, 2048, 4092, 4096]) {
        let range = &bytes[length % 17..][..length];
        let crc = range.iter().fold(0, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ ((crc & 1) * 0xEDB8_8320))
        });
        assert_eq!(crc32_linux(0, range), crc, "of {length} bytes");
        let (front, rest) = range.split_at(length / 3);
        assert_eq!(crc32_linux(crc32_linux(0, front), rest), crc, "of {length} bytes in two");
    }
}

fn a_stream_in_pieces_equals_one_call() {
    let bytes = noise(4000);
    for piece in [1, 63, 64, 65, 999] {
        let mut stream = Sha256Stream::default();
        bytes.chunks(piece).for_each(|chunk| stream.update(chunk));
        assert_eq!(stream.finish(), sha256(&bytes), "in pieces of {piece}");
    }
}

fn the_quickest_backend_agrees() {
    let bytes = noise(100_000);
    let hash = |ranges: &[&[u8]]| {
        let mut digests = Vec::new();
        sha256_many(ranges, &mut digests);
        digests
    };
    for size in [1, 2, 5, 16, 33] {
        agrees(&hash, &(0..size).map(|at| &bytes[at..][..50_000 + at]).collect::<Vec<_>>());
    }
}

fn names_lead_back_to_their_backends() {
    for backend in Backend::ALL {
        assert_eq!(backend.name().parse(), Ok(backend));
    }
    let unknown = "sha-3".parse::<Backend>().map_err(|error| error.to_string());
    assert!(unknown.is_err_and(|it| it.contains("sha-3") && it.contains("avx512-16")));
    assert!(Kernel::all().any(|kernel| kernel == Kernel::PORTABLE));
}
