//! Progress: rate and time left on a terminal, or a JSON object a line for machines. Both go to stderr;
//! where that is no terminal and nobody asked for JSON, there is none.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use vexfs_replay::replay::{Following, Progress};

const TEMPLATE: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
const COUNT_TEMPLATE: &str = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left";

fn bar(what: &'static str, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

/// A bar that counts things.
pub(crate) fn of_count(what: &'static str) -> ProgressBar {
    bar(what, COUNT_TEMPLATE)
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProgressArgument {
    /// A bar on a terminal, nothing elsewhere.
    Auto,
    /// A JSON object a line, a few times a second and at the end.
    Json,
    /// Nothing.
    None,
}

/// How often a line is written.
const LINE_EVERY: Duration = Duration::from_millis(250);

/// Shows the progress of one pass over a journal.
pub(crate) struct Shown {
    bar: Option<ProgressBar>,
    lines: bool,
    written: Option<Instant>,
    latest: Progress,
    /// How far a follower was last.
    following: Option<Following>,
}

impl Shown {
    /// Progress of what is named, shown as is asked for.
    pub(crate) fn new(what: &'static str, how: ProgressArgument) -> Self {
        let template = if what == "follow" { COUNT_TEMPLATE } else { TEMPLATE };
        let bar = matches!(how, ProgressArgument::Auto).then(|| bar(what, template));
        let lines = matches!(how, ProgressArgument::Json);
        Self { bar, lines, written: None, latest: Progress::default(), following: None }
    }

    /// Shows how far it is now.
    pub(crate) fn show(&mut self, now: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_length(now.total_bytes);
            bar.set_position(now.bytes);
        }
        self.latest = *now;
        if self.written.is_none_or(|written| written.elapsed() >= LINE_EVERY) {
            self.write_line();
        }
    }

    /// Shows how far a follower is now.
    pub(crate) fn show_following(&mut self, now: &Following) {
        if let Some(bar) = &self.bar {
            bar.set_length(now.newest_lsn);
            bar.set_position(now.applied_lsn);
            bar.set_message(format!(
                "follow: {} events and {:.0} ms behind",
                now.lag_events, now.lag_milliseconds
            ));
        }
        let due = self.written.is_none_or(|written| written.elapsed() >= LINE_EVERY);
        let over = now.sealed && now.lag_events == 0;
        if self.lines && (due || over) {
            self.following = Some(*now);
            self.write_line();
        }
    }

    fn write_line(&mut self) {
        let line = match &self.following {
            Some(following) => serde_json::to_string(following),
            None => serde_json::to_string(&self.latest),
        };
        if self.lines
            && let Ok(line) = line
        {
            eprintln!("{line}");
            self.written = Some(Instant::now());
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.written.is_some() && self.following.is_none() {
            self.write_line();
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
