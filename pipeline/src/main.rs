//! The command line of the replay pipeline.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
