//! Progress on a terminal: rate and time left. Silent when stderr is no terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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

/// A bar that counts bytes.
pub(crate) fn of_bytes(what: &'static str) -> ProgressBar {
    bar(what, TEMPLATE)
}

/// A bar that counts things.
pub(crate) fn of_count(what: &'static str) -> ProgressBar {
    bar(what, COUNT_TEMPLATE)
}
