//! The parts of a report: which there are, which commands fill them.

use serde::{Deserialize, Serialize};

use super::Report;

/// A part, named after the command that fills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// The table of figures.
    Table,
    /// What changes when one thing changes.
    Scaling,
    /// Where the time and the memory of one replay go.
    Profile,
    /// What others come to.
    Peers,
}

/// Which command made a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeBy {
    pub(crate) part: Part,
    /// As it is typed in the root of the repository.
    pub(crate) command: String,
}

impl Part {
    /// In the order in which they are shown.
    pub(crate) const ALL: [Self; 4] = [Self::Table, Self::Scaling, Self::Profile, Self::Peers];

    /// The command that fills it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Scaling => "scaling",
            Self::Profile => "profile",
            Self::Peers => "peers",
        }
    }

    /// What it is called where it is shown.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Table => "Figures",
            Self::Scaling => "What changes with size and threads",
            Self::Profile => "Where time and memory go",
            Self::Peers => "Beside others",
        }
    }
}

impl Report {
    /// Whether there is something in a part.
    pub(crate) fn has(&self, part: Part) -> bool {
        match part {
            Part::Table => !self.table.is_empty(),
            Part::Scaling => !self.sweeps.is_empty(),
            Part::Profile => self.profile.is_some(),
            Part::Peers => !self.peers.is_empty(),
        }
    }

    /// Notes the command that made all that is in it and of no command yet.
    pub(crate) fn note_command(&mut self, command: &str) {
        for part in Part::ALL {
            if self.has(part) && self.commands(part).next().is_none() {
                self.made_by.push(MadeBy { part, command: command.to_owned() });
            }
        }
    }

    /// The commands that made a part.
    pub(crate) fn commands(&self, part: Part) -> impl Iterator<Item = &str> {
        let of_part = self.made_by.iter().filter(move |it| it.part == part);
        of_part.map(|it| it.command.as_str())
    }
}

/// The command that this process was started with, as it is typed in the root of the repository; without
/// where its results go and where its journals are, which says nothing about what is measured.
pub(crate) fn this_command() -> String {
    let arguments = std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned());
    command_of(arguments)
}

fn command_of(arguments: impl Iterator<Item = String>) -> String {
    let mut command = String::from("cargo run --release -p bench-harness --");
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
        match name {
            "--json" | "--html" | "--workloads" if value.is_empty() => {
                arguments.next();
            }
            "--json" | "--html" | "--workloads" => {}
            _ => command.push_str(&format!(" {argument}")),
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_what_was_measured() {
        let of = |line: &str| command_of(line.split(' ').map(str::to_owned));
        let command = of("--json=a.json scaling --rounds 3 events --json b.json --workloads x");
        assert_eq!(command, "cargo run --release -p bench-harness -- scaling --rounds 3 events");
    }
}
