//! How quickly a GPU hashes journal blocks, beside the CPU in the same run, and which options suit it.
//!
//! `gpu_rate [hardware|software|PART-OF-A-NAME]`. Needs no file, takes about half a minute, and fails when
//! a digest is not the portable backend's. Rates are in GB/s of 10^9 bytes; each is the best of a few
//! passes over memory that was touched before.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use vexfs_kernels::gpu::{Adapters, Filling, Gpu, GpuError, GpuOptions, Times};
use vexfs_kernels::{Digest, Kernel, sha256, sha256_many};

const BLOCK_BYTES: usize = 64 << 10;
const BLOCKS_MAX: usize = 8192;
/// After this, what is left is skipped.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// How long one pass may take.
const PASS_LIMIT: Duration = Duration::from_millis(1200);

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gpu_rate: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let begun = Instant::now();
    let adapters = match std::env::args().nth(1).as_deref() {
        None => Adapters::Any,
        Some("hardware") => Adapters::Hardware,
        Some("software") => Adapters::Software,
        Some(part) => Adapters::Named(part.to_owned()),
    };
    let defaults = GpuOptions { adapters, ..GpuOptions::default() };
    let mut gpu = opened(&defaults)?;
    println!("{}", gpu.adapter());
    let label = if gpu.adapter().is_software() { "software" } else { "GPU" };

    let trial = noise(64 * BLOCK_BYTES);
    let pass = measured(&mut gpu, &blocks_of(&trial), 1)?;
    let bearable = pass.rate() * PASS_LIMIT.as_secs_f64() / BLOCK_BYTES as f64 * 1e9;
    let most = (6..=13).map(|it| 1 << it).rfind(|&it| f64::from(it) <= bearable).unwrap_or(64);
    let most = usize::try_from(most)?.min(BLOCKS_MAX);
    drop((trial, gpu));
    let bytes = noise(most.max(1024) * BLOCK_BYTES);
    let blocks = blocks_of(&bytes);
    println!("up to {most} blocks of {} KiB\n", BLOCK_BYTES >> 10);

    let cpu = cpu_rates(&blocks[..most.max(1024)])?;
    let best = grid(&defaults, &blocks[..most], label, begun)?;
    let gpu = by_count(&best, &blocks[..most], label, &cpu)?;
    crossings(&gpu, &cpu, label);
    mixed(&best, &bytes[..most * BLOCK_BYTES], label)?;
    println!("\n{:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn opened(options: &GpuOptions) -> Result<Gpu, GpuError> {
    let begun = Instant::now();
    let gpu = Gpu::open(options)?;
    eprintln!("opened in {:.3} s", begun.elapsed().as_secs_f64());
    Ok(gpu)
}

/// One pass over a batch.
struct Pass {
    bytes: usize,
    total: Duration,
    times: Times,
}

impl Pass {
    fn rate(&self) -> f64 {
        rate(self.bytes, self.total)
    }

    /// Where the time of the host and of the device went.
    fn shares(&self) -> String {
        let Times { copying, submitting, waiting, reading, device } = self.times;
        let share = |part: Duration| 100.0 * part.as_secs_f64() / self.total.as_secs_f64();
        let device = device.map_or(String::new(), |it| {
            let [fetching, hashing] = [it.fetching, it.hashing].map(|it| rate(self.bytes, it));
            format!("; on the device: fetch {fetching:.3}, hash {hashing:.3} GB/s")
        });
        let [copy, submit, wait, read] = [copying, submitting, waiting, reading].map(share);
        format!(
            "copy {copy:2.0} %, submit {submit:2.0} %, wait {wait:2.0} %, read back {read:2.0} %{device}"
        )
    }
}

fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e9
}

/// The best of some passes, each of which is checked.
fn measured(gpu: &mut Gpu, ranges: &[&[u8]], passes: usize) -> Result<Pass, Failure> {
    let bytes = ranges.iter().map(|it| it.len()).sum();
    let mut digests = Vec::new();
    let mut best: Option<Pass> = None;
    for _ in 0..passes {
        let begun = Instant::now();
        let times = gpu.sha256_many(ranges, &mut digests)?;
        let total = begun.elapsed();
        check(ranges, &digests)?;
        if best.as_ref().is_none_or(|it| total < it.total) {
            best = Some(Pass { bytes, total, times });
        }
    }
    best.ok_or_else(|| "no pass".into())
}

/// A sample of the digests, the first and the last one among them, against the portable backend.
fn check(ranges: &[&[u8]], digests: &[Option<Digest>]) -> Result<(), Failure> {
    let sample = (0..ranges.len()).step_by(ranges.len() / 15 + 1).chain([ranges.len() - 1]);
    for number in sample {
        if digests[number] != Some(sha256(ranges[number])) {
            return Err(format!("the digest of range {number} is wrong").into());
        }
    }
    Ok(())
}

/// The rate of the CPU by the number of threads.
fn cpu_rates(blocks: &[&[u8]]) -> Result<Vec<(usize, f64)>, Failure> {
    let cores = std::thread::available_parallelism()?.get();
    let counts = (0..).map(|it| 1 << it).take_while(|&it| it < cores).chain([cores]);
    let mut rates = Vec::new();
    for threads in counts {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let pass = || {
            let begun = Instant::now();
            pool.install(|| blocks.par_chunks(32).for_each(|it| sha256_many(it, &mut Vec::new())));
            begun.elapsed()
        };
        let best = (0..3).map(|_| pass()).min().unwrap_or_default();
        rates.push((threads, rate(blocks.len() * BLOCK_BYTES, best)));
    }
    println!("CPU, {}:", Kernel::quickest().backend());
    rates.iter().for_each(|(threads, rate)| println!("  {threads:3} threads {rate:8.3} GB/s"));
    Ok(rates)
}

/// Every workgroup with every slot, then who fills them and how many there are: the best options.
fn grid(
    defaults: &GpuOptions,
    blocks: &[&[u8]],
    label: &str,
    begun: Instant,
) -> Result<GpuOptions, Failure> {
    println!("\n{label}, {} blocks:", blocks.len());
    let mut best = (0.0, defaults.clone());
    let mut attempt = |options: GpuOptions| -> Result<GpuOptions, Failure> {
        if begun.elapsed() > TIME_LIMIT.mul_f64(0.7) {
            return Ok(best.1.clone());
        }
        let opening = Instant::now();
        let mut gpu = match Gpu::open(&options) {
            Ok(gpu) => gpu,
            Err(error @ GpuError::OutOfMemory { .. }) => {
                println!("  {} MiB: {error}", options.slot_bytes >> 20);
                return Ok(best.1.clone());
            }
            Err(error) => return Err(error.into()),
        };
        let opening = opening.elapsed().as_secs_f64();
        let passes = if gpu.adapter().is_software() { 1 } else { 3 };
        let pass = measured(&mut gpu, blocks, passes)?;
        let GpuOptions { workgroup, slots, ref filling, .. } = options;
        println!(
            "  workgroup {workgroup:3}, {slots} slots of {:3} MiB, filled by {:7} {:8.3} GB/s  \
             (opened in {opening:.3} s; {})",
            gpu.range_bytes_max() >> 20,
            format!("{filling:?}").to_lowercase(),
            pass.rate(),
            pass.shares(),
        );
        if pass.rate() > best.0 {
            best = (pass.rate(), options);
        }
        Ok(best.1.clone())
    };
    for workgroup in [32, 64, 128] {
        for slot_mib in [16, 32, 64, 128] {
            attempt(GpuOptions { workgroup, slot_bytes: slot_mib << 20, ..defaults.clone() })?;
        }
    }
    let best = attempt(defaults.clone())?;
    let best = attempt(GpuOptions { filling: Filling::Caller, ..best })?;
    attempt(GpuOptions { slots: 3, ..best.clone() })?;
    attempt(GpuOptions { slots: 1, ..best })
}

/// The rate of the GPU by the number of blocks.
fn by_count(
    options: &GpuOptions,
    blocks: &[&[u8]],
    label: &str,
    cpu: &[(usize, f64)],
) -> Result<Vec<(usize, f64)>, Failure> {
    println!("\n{label} with the best of these options, by blocks handed over at once:");
    let mut gpu = opened(options)?;
    let passes = if gpu.adapter().is_software() { 1 } else { 5 };
    let one_thread = cpu.first().map_or(f64::NAN, |it| it.1);
    let mut rates = Vec::new();
    for count in (6..=13).map(|it| 1 << it).take_while(|&it| it <= blocks.len()) {
        let pass = measured(&mut gpu, &blocks[..count], passes)?;
        println!(
            "  {count:5} blocks {:8.3} GB/s, {:6.3} of one thread  ({})",
            pass.rate(),
            pass.rate() / one_thread,
            pass.shares(),
        );
        rates.push((count, pass.rate()));
    }
    Ok(rates)
}

/// Where the GPU passes the CPU, and the CPU the GPU.
fn crossings(gpu: &[(usize, f64)], cpu: &[(usize, f64)], label: &str) {
    println!();
    for (threads, cpu_rate) in cpu {
        match gpu.iter().find(|(_, rate)| rate > cpu_rate) {
            Some((count, _)) => println!("{label} passes {threads} threads from {count} blocks on"),
            None => println!("{label} never passes {threads} threads"),
        }
    }
    let best = gpu.iter().map(|it| it.1).fold(0.0, f64::max);
    let one_thread = cpu.first().map_or(f64::NAN, |it| it.1);
    println!("{label} at its best is worth {:.2} threads", best / one_thread);
}

/// Blocks from 4 KiB to 1 MiB, as a journal with rare long blocks has them.
fn mixed(options: &GpuOptions, bytes: &[u8], label: &str) -> Result<(), Failure> {
    let lengths = [64, 4, 64, 16, 128, 64, 8, 256, 64, 32, 64, 1024].map(|kib| kib << 10);
    let mut left = bytes;
    let ranges: Vec<&[u8]> =
        lengths.into_iter().cycle().map_while(|length| left.split_off(..length)).collect();
    let mut gpu = opened(options)?;
    let pass = measured(&mut gpu, &ranges, 1)?;
    println!(
        "{label}, {} ranges of 4 KiB to 1 MiB: {:.3} GB/s  ({})",
        ranges.len(),
        pass.rate(),
        pass.shares(),
    );
    Ok(())
}

fn blocks_of(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks_exact(BLOCK_BYTES).collect()
}

/// Bytes that repeat nowhere, in memory that is touched.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut bytes = vec![0; length];
    for word in bytes.as_chunks_mut().0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *word = state.to_le_bytes();
    }
    bytes
}
