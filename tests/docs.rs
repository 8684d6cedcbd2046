//! Holds the pages that specify the format and the events to the code: every layout, number,
//! limit, rule and effect that they state in a table, and every byte of the worked example.

#[cfg(test)]
#[path = "docs/coordinating.rs"]
mod coordinating;
#[cfg(test)]
#[path = "docs/coordination.rs"]
mod coordination;
#[cfg(test)]
#[path = "docs/events.rs"]
mod events;
#[cfg(test)]
#[path = "docs/example.rs"]
mod example;
#[cfg(test)]
#[path = "docs/kernel_journal.rs"]
mod kernel_journal;
#[cfg(test)]
#[path = "docs/layouts.rs"]
mod layouts;
#[cfg(test)]
#[path = "docs/markdown.rs"]
mod markdown;
#[cfg(test)]
#[path = "docs/recovery.rs"]
mod recovery;
#[cfg(test)]
#[path = "docs/rules.rs"]
mod rules;
#[cfg(test)]
#[path = "docs/scan.rs"]
mod scan;
