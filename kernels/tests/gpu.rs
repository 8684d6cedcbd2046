//! SHA-256 on a GPU against the portable backend, and every way in which a GPU can fail. Where there is no
//! adapter, not even one made of software, what needs one shows as ignored, with the reason, or fails where
//! `VEXFS_GPU_TESTS=required` is set; where there is one that doesn't work, every test fails.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking")]

mod agreement;

use libtest_mimic::{Arguments, Trial};
use vexfs_kernels::gpu::{Adapters, Fault, Gpu, GpuError, GpuOptions};
use vexfs_kernels::{Digest, Kernel};

use agreement::{CHECKS, Hash, agrees, noise};

fn main() {
    let arguments = Arguments::from_args();
    let found = Gpu::open(&GpuOptions::default());
    let name = found.as_ref().map(|gpu| gpu.adapter().to_string());
    if let Ok(name) = &name {
        eprintln!("on {name}");
    }
    let trial = |test_name: String, test: Box<dyn FnOnce() + Send>| match &name {
        Ok(_) => Trial::test(test_name, || {
            test();
            Ok(())
        }),
        Err(missing @ GpuError::NoAdapter { .. }) if !is_adapter_required() => {
            let trial = Trial::test(format!("{test_name} ({missing})"), || Ok(()));
            trial.with_ignored_flag(true)
        }
        // One that is required, or is there and doesn't work: no reason to be content.
        Err(error) => {
            let error = error.to_string();
            Trial::test(test_name, || Err(error.into()))
        }
    };
    let ways = [("large_slots", GpuOptions::default()), ("small_slots", small_slots())];
    let agreement = ways.into_iter().flat_map(|(way, options)| {
        CHECKS.map(|(check_name, check)| {
            let options = options.clone();
            trial(format!("{way}::{check_name}"), Box::new(move || agrees_with(&options, check)))
        })
    });
    let faults = FAULTS.map(|(fault, kind)| {
        trial(format!("every_step::{fault:?}"), Box::new(move || fails_at_every_step(fault, kind)))
    });
    let others: [(&str, fn()); 6] = [
        ("a_range_longer_than_a_slot_is_left", a_range_longer_than_a_slot_is_left),
        ("workgroups_of_any_size_agree", workgroups_of_any_size_agree),
        ("more_ranges_than_a_slot_has_room_for", more_ranges_than_a_slot_has_room_for),
        ("a_dead_device_stays_dead", a_dead_device_stays_dead),
        ("one_that_does_not_answer_in_time_is_dead", one_that_does_not_answer_in_time_is_dead),
        ("it_goes_from_thread_to_thread", it_goes_from_thread_to_thread),
    ];
    let others = others.map(|(name, test)| trial(name.to_owned(), Box::new(test)));
    // The only one that needs no adapter.
    let without = Trial::test("no_adapter_is_said", || {
        no_adapter_is_said();
        Ok(())
    });
    let trials = agreement.chain(faults).chain(others).chain([without]).collect();
    drop(found);
    libtest_mimic::run(&arguments, trials).exit();
}

/// Whether a machine without an adapter fails the tests.
fn is_adapter_required() -> bool {
    std::env::var("VEXFS_GPU_TESTS").is_ok_and(|it| it == "required")
}

/// Each way to fail, and what the report calls it.
const FAULTS: [(Fault, &str); 7] = [
    (Fault::LostBeforeFilling, "lost"),
    (Fault::LostBeforeSubmitting, "lost"),
    (Fault::LostAfterSubmitting, "lost"),
    (Fault::OutOfMemory, "out_of_memory"),
    (Fault::Refused, "refused"),
    (Fault::Panic, "driver"),
    (Fault::Wrong, "wrong"),
];

/// So small that most batches need several, and the longest range of the checks still fits.
fn small_slots() -> GpuOptions {
    GpuOptions { slot_bytes: 1 << 20, slots: 3, ..GpuOptions::default() }
}

fn agrees_with(options: &GpuOptions, check: fn(&Hash<'_>)) {
    let gpu = std::cell::RefCell::new(Gpu::open(options).unwrap());
    check(&|ranges| {
        // What was there before is no part of the result.
        let mut digests = vec![Some([0xAA; 32]); 3];
        gpu.borrow_mut().sha256_many(ranges, &mut digests).unwrap();
        digests.into_iter().map(Option::unwrap).collect()
    });
}

fn portable(ranges: &[&[u8]]) -> Vec<Digest> {
    let mut digests = Vec::new();
    Kernel::PORTABLE.sha256_many(ranges, &mut digests);
    digests
}

/// Hashes, and checks that whatever digests are there are right. Tells how many are, and why not all.
fn hash(gpu: &mut Gpu, ranges: &[&[u8]]) -> (u64, Option<GpuError>) {
    let mut digests = vec![Some([0xAA; 32]); 3];
    let error = gpu.sha256_many(ranges, &mut digests).err();
    assert_eq!(digests.len(), ranges.len());
    let pairs = digests.iter().zip(portable(ranges));
    let there = pairs.filter_map(|(found, expected)| Some((found.as_ref()?, expected)));
    let count = there.map(|(found, expected)| assert!(*found == expected, "{error:?}")).count();
    (count as u64, error)
}

/// Two batches of five loads each, and the device fails at each of them in turn.
fn fails_at_every_step(fault: Fault, kind: &str) {
    const LOADS: u64 = 5;
    // Two to a load.
    const RANGES: u64 = 10;
    let bytes = noise(24_000);
    let options = GpuOptions { slot_bytes: 8192, slots: 2, ..GpuOptions::default() };
    let ranges: Vec<&[u8]> = (0..10).map(|at| &bytes[at..][..4000 + at]).collect();
    for step in 0..2 * LOADS + 1 {
        let mut gpu = Gpu::open(&options).unwrap();
        gpu.break_at(fault, step);
        let batches = [hash(&mut gpu, &ranges), hash(&mut gpu, &ranges)];
        let at = format!("{fault:?} at {step}: {batches:?}");
        let [(first, early), (second, late)] = batches;
        assert_eq!(early.is_some(), step < LOADS, "{at}");
        assert_eq!(late.is_some(), step < 2 * LOADS, "{at}");
        let Some(error) = late else {
            assert_eq!((first, second), (RANGES, RANGES), "{at}");
            continue;
        };
        assert_eq!(error.kind(), kind, "{at}");
        let written = serde_json::to_value(&error).unwrap();
        assert_eq!(written["kind"], kind);
        assert_eq!(written["sentence"], error.to_string());
        // A dead one says the same again, and gives nothing.
        let failed = if early.is_some() { first } else { second };
        assert!(early.is_none_or(|early| early == error && second == 0), "{at}");
        // What had come back before stands: at most one load was still under way.
        let before = 2 * (step % LOADS).saturating_sub(1);
        assert!((before..=2 * (step % LOADS)).contains(&failed), "{at}");
    }
}

fn no_adapter_is_said() {
    let adapters = Adapters::Named("of which there is none".to_owned());
    let options = GpuOptions { adapters: adapters.clone(), ..GpuOptions::default() };
    let Err(GpuError::NoAdapter { wanted, found }) = Gpu::open(&options) else { panic!() };
    assert_eq!(wanted, adapters);
    assert!(found.iter().all(|name| !name.contains("of which there is none")));
}

fn a_range_longer_than_a_slot_is_left() {
    let options = GpuOptions { slot_bytes: 4096, ..GpuOptions::default() };
    let mut gpu = Gpu::open(&options).unwrap();
    let bytes = noise(10_000);
    let fits = usize::try_from(gpu.range_bytes_max()).unwrap() - 9;
    let ranges: Vec<&[u8]> = [0, fits, fits + 1, 10_000, 1].map(|length| &bytes[..length]).to_vec();
    assert_eq!(hash(&mut gpu, &ranges), (3, None));
}

fn workgroups_of_any_size_agree() {
    let bytes = noise(4000);
    let ranges: Vec<&[u8]> = (0..300).map(|at| &bytes[at..][..at * 7 % 3000]).collect();
    for workgroup in [0, 1, 31, 64, 128, 256, u32::MAX] {
        let options = GpuOptions { workgroup, slot_bytes: 1 << 20, ..GpuOptions::default() };
        agrees_with(&options, |_| ());
        assert_eq!(hash(&mut Gpu::open(&options).unwrap(), &ranges), (300, None), "{workgroup}");
    }
}

fn more_ranges_than_a_slot_has_room_for() {
    let options = GpuOptions { slot_bytes: 4096, slots: 1, ..GpuOptions::default() };
    agrees_with(&options, |hash| {
        let bytes = noise(300);
        agrees(hash, &(0..100).map(|at| &bytes[at..][..at]).collect::<Vec<_>>());
    });
}

fn a_dead_device_stays_dead() {
    let mut gpu = Gpu::open(&small_slots()).unwrap();
    gpu.break_at(Fault::LostBeforeSubmitting, 0);
    let mut digests = Vec::new();
    let first = gpu.sha256_many(&[b"abc"], &mut digests).unwrap_err();
    assert_eq!(digests, [None]);
    let second = gpu.sha256_many(&[b"abc", b"abcd"], &mut digests).unwrap_err();
    assert_eq!(digests, [None, None]);
    assert_eq!(first, second);
}

fn one_that_does_not_answer_in_time_is_dead() {
    let bytes = noise(2_000_000);
    let options = GpuOptions { patience: std::time::Duration::ZERO, ..GpuOptions::default() };
    let error =
        Gpu::open(&options).map(|mut gpu| gpu.sha256_many(&[&bytes], &mut Vec::new()).map(drop));
    // A quick device may have answered before it is asked.
    if let Err(error) | Ok(Err(error)) = error {
        assert_eq!(error.kind(), "timed_out", "{error}");
    }
}

fn it_goes_from_thread_to_thread() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&Gpu::open(&small_slots()).unwrap());
}
