//! The gate: whether this build is slower than it was.
//!
//! Compared are shares of a yardstick that is measured milliseconds apart, never times, in many short
//! rounds and several processes; and what is said is said by an interval, not by one number. It measures
//! until every figure is decided or the time is up. What is found slower is measured anew, from nothing, and
//! must be found slower every time: what others do to a shared machine comes and goes.

mod baseline;
mod clock;
mod comparison;
mod figures;
mod series;
mod statistics;
mod verdict;
mod yardstick;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use self::baseline::{Baseline, Class};
use self::comparison::{Comparison, Measurements};
use self::figures::Burden;
use self::series::Maker;
pub(crate) use self::series::Making;
use self::verdict::{SERIES_MIN, Verdict};
use crate::Measured;
use crate::workloads::{Workload, Workloads};

/// What a gate exits with.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  no figure is slower by as much as is refused
  1  something went wrong
  2  usage
  3  a figure is slower
  4  the baseline knows no such machine, so nothing was compared";

/// Whether this build is slower than it was.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The figures that are compared with.
    #[arg(long, value_name = "FILE", required_unless_present = "against")]
    baseline: Option<PathBuf>,
    /// Another build of this program, to be measured in turns with this one; no baseline is needed then.
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["baseline", "accept"])]
    against: Option<PathBuf>,
    /// Writes what is measured into the baseline, in place of what is there for such machines.
    #[arg(long, requires = "reason")]
    accept: bool,
    /// Why a new baseline is right.
    #[arg(long, requires = "accept", value_name = "TEXT")]
    reason: Option<String>,
    /// How long is measured at most, each time, in seconds; with `--accept`, how long is measured.
    #[arg(long, default_value_t = 90)]
    seconds: u64,
    /// The journal that is measured, by the name of its recipe.
    #[arg(long, default_value = "100k", value_name = "RECIPE")]
    workload: String,
    /// Slows a stage of this build down on purpose, to see that it is found: its name, and by which share of
    /// its time.
    #[arg(long, value_name = "STAGE=SHARE", hide = true)]
    burden: Option<Burden>,
}

/// Measures and compares; gives the exit code and what came of it as JSON.
pub(crate) fn run(
    arguments: Arguments,
    workloads: &Workloads,
) -> Measured<(ExitCode, serde_json::Value)> {
    let workload = workloads.named(&arguments.workload)?;
    let time = Duration::from_secs(arguments.seconds);
    let gate = Gate { workload, time, this: Maker::this(arguments.burden)? };
    if let Some(program) = &arguments.against {
        let compared = gate.against(&Maker::other(program))?;
        return compared.concluded(&format!("compared with {}", program.display()));
    }
    let path = arguments.baseline.unwrap_or_default();
    match arguments.reason.filter(|_| arguments.accept) {
        Some(reason) => gate.accept(&path, reason),
        None => gate.with_baseline(&path),
    }
}

/// How often a figure that is found slower must be found so again.
const CONFIRMATIONS: usize = 2;

struct Gate {
    workload: Workload,
    time: Duration,
    this: Maker,
}

impl Gate {
    fn accept(&self, path: &Path, reason: String) -> Measured<(ExitCode, serde_json::Value)> {
        let mut baseline = Baseline::read(path)?;
        let measured = self.all_the_time()?;
        if let Some(name) = measured.too_few(SERIES_MIN) {
            return Err(format!(
                "others were in the way of {name:?} too often to accept anything: try again, or for longer"
            )
            .into());
        }
        baseline.accept(Class::this(), &self.workload, reason, measured.figures());
        baseline.write(path)?;
        println!("{}", measured.table());
        println!("this is the baseline of {} now", Class::this());
        Ok((ExitCode::SUCCESS, serde_json::to_value(measured.figures())?))
    }

    fn with_baseline(&self, path: &Path) -> Measured<(ExitCode, serde_json::Value)> {
        let baseline = Baseline::read(path)?;
        let class = Class::this();
        let Some(accepted) = baseline.find(&class, &self.workload)? else {
            let measured = self.all_the_time()?;
            println!("{}", measured.table());
            println!("{} has no baseline of {class}: nothing was compared", path.display());
            return Ok((ExitCode::from(4), serde_json::to_value(measured.figures())?));
        };
        let before = Measurements::of_baseline(accepted);
        let compared = confirmed(|suspects| {
            let mut now = Measurements::default();
            self.until_decided(suspects, || {
                now.add(self.this.make(&self.workload)?);
                Ok(Comparison::between(&before, &now))
            })
        })?;
        compared.concluded(&format!("compared with what was accepted because: {}", accepted.reason))
    }

    fn against(&self, other: &Maker) -> Measured<Comparison> {
        confirmed(|suspects| {
            let (mut before, mut now) = (Measurements::default(), Measurements::default());
            self.until_decided(suspects, || {
                before.add(other.make(&self.workload)?);
                now.add(self.this.make(&self.workload)?);
                Ok(Comparison::between(&before, &now))
            })
        })
    }

    /// Measures until all is decided, or all that was found slower before, or the time is up.
    fn until_decided(
        &self,
        suspects: Option<&Comparison>,
        mut measure: impl FnMut() -> Measured<Comparison>,
    ) -> Measured<Comparison> {
        let started = Instant::now();
        loop {
            let compared = measure()?;
            let decided = suspects.map_or_else(
                || compared.is_decided(),
                |before| compared.confirms_or_denies(before),
            );
            if decided || started.elapsed() > self.time {
                return Ok(compared);
            }
        }
    }

    fn all_the_time(&self) -> Measured<Measurements> {
        let started = Instant::now();
        let (mut measured, mut series) = (Measurements::default(), 0);
        while series < SERIES_MIN || started.elapsed() < self.time {
            measured.add(self.this.make(&self.workload)?);
            series += 1;
        }
        Ok(measured)
    }
}

/// Measures, and anew what is found slower: then it is told what was.
fn confirmed(
    mut measure: impl FnMut(Option<&Comparison>) -> Measured<Comparison>,
) -> Measured<Comparison> {
    let mut compared = measure(None)?;
    for _ in 0..CONFIRMATIONS {
        if compared.verdict() != Verdict::Slower {
            break;
        }
        compared = measure(Some(&compared))?.confirming(&compared);
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(slower: &[&str]) -> Comparison {
        let [mut before, mut now] = [Measurements::default(), Measurements::default()];
        for figure in ["apply", "decode", "verify"] {
            let share = if slower.contains(&figure) { 0.5 } else { 1.0 };
            for _ in 0..SERIES_MIN {
                before.add_one(figure, 1.0);
                now.add_one(figure, share);
            }
        }
        Comparison::between(&before, &now)
    }

    #[test]
    fn what_others_are_open_is_no_matter_to_what_is_confirmed() {
        let (suspects, [mut before, mut now]) =
            (compared(&["apply"]), [(); 2].map(|()| Measurements::default()));
        for series in 0..SERIES_MIN {
            before.add_one("verify", 1.0);
            now.add_one("verify", if series % 2 == 0 { 0.5 } else { 1.0 });
            let compared = Comparison::between(&before, &now);
            assert!(series == 0 || !compared.confirms_or_denies(&suspects), "too few of apply");
            before.add_one("apply", 1.0);
            now.add_one("apply", 1.0);
        }
        let compared = Comparison::between(&before, &now);
        assert!(!compared.is_decided(), "verify is open");
        assert!(compared.confirms_or_denies(&suspects), "apply isn't");
    }

    #[test]
    fn what_is_slower_is_so_every_time() {
        let cases: [(&[&[&str]], Verdict, usize); 5] = [
            (&[&[]], Verdict::Passes, 1),
            (&[&["apply"], &["decode"]], Verdict::Undecided, 2),
            (&[&["apply", "decode"], &["decode"], &[]], Verdict::Undecided, 3),
            (&[&["apply"], &[]], Verdict::Undecided, 2),
            (&[&["apply", "verify"], &["verify"], &["verify", "decode"]], Verdict::Slower, 3),
        ];
        for (times, verdict, count) in cases {
            let mut measured = 0;
            let found = confirmed(|_| {
                measured += 1;
                Ok(compared(times[measured - 1]))
            });
            assert_eq!((found.unwrap().verdict(), measured), (verdict, count), "{times:?}");
        }
    }
}
