//! The command line of the replay pipeline.
fn main() {}
