//! The program as a user runs it: exit codes, what goes to stdout and what to stderr, and that what
//! it prints is true.

#[cfg(test)]
#[path = "command_line/backends.rs"]
mod backends;
#[cfg(test)]
#[path = "command_line/checkpoints.rs"]
mod checkpoints;
#[cfg(test)]
#[path = "command_line/coordinating.rs"]
mod coordinating;
#[cfg(test)]
#[path = "command_line/coordinating_live.rs"]
mod coordinating_live;
#[cfg(test)]
#[path = "command_line/coordination_system.rs"]
mod coordination_system;
#[cfg(test)]
#[path = "command_line/coordination_terms.rs"]
mod coordination_terms;
#[cfg(test)]
#[path = "command_line/exit_codes.rs"]
mod exit_codes;
#[cfg(test)]
#[path = "command_line/generating.rs"]
mod generating;
#[cfg(test)]
#[path = "command_line/importing.rs"]
mod importing;
#[cfg(test)]
#[path = "command_line/inspecting.rs"]
mod inspecting;
#[cfg(test)]
#[path = "command_line/interruption.rs"]
mod interruption;
#[cfg(test)]
#[path = "command_line/kernel_journals.rs"]
mod kernel_journals;
#[cfg(test)]
#[path = "command_line/memory.rs"]
mod memory;
#[cfg(test)]
#[path = "command_line/names_no_text.rs"]
mod names_no_text;
#[cfg(test)]
#[path = "command_line/program.rs"]
mod program;
#[cfg(test)]
#[path = "command_line/progress.rs"]
mod progress;
#[cfg(test)]
#[path = "command_line/recovering.rs"]
mod recovering;
#[cfg(test)]
#[path = "command_line/results.rs"]
mod results;
#[cfg(test)]
#[path = "command_line/resuming.rs"]
mod resuming;
#[cfg(test)]
#[path = "command_line/salvaging.rs"]
mod salvaging;
#[cfg(test)]
#[path = "command_line/scanning.rs"]
mod scanning;
#[cfg(test)]
#[path = "command_line/selecting.rs"]
mod selecting;
#[cfg(test)]
#[path = "command_line/states.rs"]
mod states;
#[cfg(test)]
#[path = "command_line/usage.rs"]
mod usage;
