//! Block journals of the kernel module, against a model that is a plain map of blocks, and against a second
//! reader that was written from `docs/kernel-journal.md` alone.

#[cfg(test)]
#[path = "kernel_journal/aside.rs"]
mod aside;
#[cfg(test)]
#[path = "kernel_journal/crafted.rs"]
mod crafted;
#[cfg(test)]
#[path = "kernel_journal/crashes.rs"]
mod crashes;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/crashing.rs"]
mod crashing;
#[cfg(test)]
#[path = "kernel_journal/damage.rs"]
mod damage;
#[cfg(test)]
#[path = "kernel_journal/decisions.rs"]
mod decisions;
#[cfg(test)]
#[allow(dead_code, reason = "shared with other tests")]
#[path = "support/failing.rs"]
mod failing;
#[cfg(test)]
#[path = "kernel_journal/failures.rs"]
mod failures;
#[cfg(test)]
#[path = "kernel_journal/model.rs"]
mod model;
#[cfg(test)]
#[path = "kernel_journal/random.rs"]
mod random;
#[cfg(test)]
#[path = "kernel_journal/reader.rs"]
mod reader;
#[cfg(test)]
#[path = "kernel_journal/world.rs"]
mod world;
