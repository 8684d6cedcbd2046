//! The report's plots: which there are, and what each is called.
//!
//! Drawn with plotters into SVG, without fonts, scripts or files. A plot of which there isn't a single point
//! is left out.

mod axis;
mod bars;
mod canvas;
mod colours;
mod lines;
mod peers;
mod profile;
mod scaling;

pub(crate) use self::canvas::Drawing;
pub(crate) use self::colours::night_rules;
use super::{Part, Report};
use crate::Measured;

/// A plot, drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plot {
    pub(crate) part: Part,
    /// What its file is called, without an extension.
    pub(crate) name: String,
    pub(crate) drawing: Drawing,
    /// What it shows, of which data, on which machine, and by which command.
    pub(crate) caption: String,
}

/// All plots that there is something for, in the order of the parts.
pub(crate) fn of(report: &Report) -> Measured<Vec<Plot>> {
    let mut plots = Vec::new();
    for sweep in &report.sweeps {
        plots.extend(scaling::plots(report, sweep)?);
    }
    if let Some(profile) = &report.profile {
        plots.extend(profile::plots(report, profile)?);
    }
    plots.extend(peers::plots(report)?);
    tell_apart(&mut plots);
    Ok(plots)
}

/// Numbers those of the same name, from the second one on.
fn tell_apart(plots: &mut [Plot]) {
    let mut names: Vec<String> = Vec::new();
    for plot in plots {
        let name = plot.name.clone();
        let mut number = 2;
        while names.contains(&plot.name) {
            plot.name = format!("{name}-{number}");
            number += 1;
        }
        names.push(plot.name.clone());
    }
}

/// A part's plot of what is named.
fn plot(report: &Report, part: Part, name: &[&str], what: &str, drawing: Drawing) -> Plot {
    let machine = &report.machine;
    let commands: Vec<&str> = report.commands(part).collect();
    let mut caption = format!(
        "{what} On {}, {} cores, SHA-256 by {}.",
        machine.processor, machine.cores, machine.sha256_backend
    );
    if !commands.is_empty() {
        caption.push_str(&format!(" Made by: {}", commands.join("; ")));
    }
    Plot { part, name: file_name(name), drawing, caption }
}

/// What is left of words where a file's name may hold little.
fn file_name(words: &[&str]) -> String {
    let mut name = String::new();
    for char in words.join(" ").chars().flat_map(char::to_lowercase) {
        match char {
            'a'..='z' | '0'..='9' => name.push(char),
            _ if name.ends_with('-') || name.is_empty() => {}
            _ => name.push('-'),
        }
        if name.len() >= 60 {
            break;
        }
    }
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    #[test]
    fn there_is_a_plot_of_everything() {
        let plots = of(&samples::full()).unwrap();
        let names: Vec<&str> = plots.iter().map(|it| it.name.as_str()).collect();
        let expected = [
            "throughput-by-events",
            "time-by-events",
            "memory-by-events",
            "throughput-by-threads-1m",
            "time-by-threads-1m",
            "memory-by-threads-1m",
            "throughput-by-validation-1m",
            "time-by-validation-1m",
            "memory-by-validation-1m",
            "stages",
            "stages-by-worker",
            "threads",
            "latencies",
            "latencies-2",
            "memory-over-time",
            "peers-1m-recovery",
            "peers-1m-load",
        ];
        assert_eq!(names, expected);
        let command = "Made by: cargo run --release -p bench-harness -- peers";
        assert!(plots.last().unwrap().caption.ends_with(command));
        assert!(plots.iter().all(|it| it.caption.contains("AMD EPYC, 2 cores")));
    }

    #[test]
    fn without_parts_there_is_none() {
        assert_eq!(of(&Report::new()).unwrap(), []);
    }

    #[test]
    fn a_file_name_is_plain() {
        assert_eq!(file_name(&["Throughput by", "../../x\0 (µs)"]), "throughput-by-x-s");
        assert!(file_name(&["x".repeat(500).as_str()]).len() <= 60);
    }

    proptest! {
        #[test]
        fn every_report_can_be_drawn(report in samples::whatever()) {
            let plots = of(&report).unwrap();
            let names: std::collections::BTreeSet<&str> = plots.iter().map(|it| it.name.as_str()).collect();
            prop_assert_eq!(names.len(), plots.len());
            for plot in plots {
                let file = plot.drawing.file();
                prop_assert!(file.starts_with("<svg") && file.ends_with("</svg>\n"));
                prop_assert!(!file.contains("NaN") && !file.contains("inf"));
            }
        }
    }
}
