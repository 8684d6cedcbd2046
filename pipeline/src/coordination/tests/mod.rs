//! The parts that only choose, against plain definitions and over every combination.

mod conflicts;
mod cuts;
mod reports;
mod resolutions;
