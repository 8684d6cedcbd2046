//! The command `report`: puts what other commands measured together, and shows it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Report, page, plots, readme, text};
use crate::Measured;

/// What is put together, and into what it is made.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// What other commands wrote with `--json`.
    #[arg(required = true, value_name = "JSON")]
    reports: Vec<PathBuf>,
    /// Prints it as text; so it does where nothing else is asked for.
    #[arg(long)]
    text: bool,
    /// Writes the plots into this folder, an SVG file each.
    #[arg(long, value_name = "FOLDER")]
    svg: Option<PathBuf>,
    /// Which plots those are, by name; all where none is named.
    #[arg(long, value_name = "NAME", requires = "svg")]
    plot: Vec<String>,
    /// Puts the table of figures into a README, between its marks.
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Fails unless the table in a README has the rows of this report, whatever the figures are.
    #[arg(long, value_name = "FILE")]
    check_readme: Option<PathBuf>,
}

/// Where a report goes, whatever made it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Output {
    /// Writes the report as JSON, too.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes the report as one page with plots, too.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl Output {
    /// Writes what is asked for.
    pub(crate) fn write(&self, report: &Report) -> Measured<()> {
        if let Some(path) = &self.json {
            report.write(path)?;
        }
        if let Some(path) = &self.html {
            write(path, &page::of(report)?)?;
        }
        Ok(())
    }
}

impl Arguments {
    /// Does it all.
    pub(crate) fn carry_out(&self, output: &Output) -> Measured<()> {
        let report = self.put_together()?;
        output.write(&report)?;
        if let Some(folder) = &self.svg {
            self.write_plots(&report, folder)?;
        }
        if let Some(path) = &self.readme {
            readme::write(&report, path)?;
        }
        if let Some(path) = &self.check_readme {
            readme::check(&report, path)?;
        }
        let others = [&output.json, &output.html, &self.svg, &self.readme, &self.check_readme];
        if self.text || others.into_iter().all(Option::is_none) {
            print!("{}", text::of(&report));
        }
        Ok(())
    }

    fn put_together(&self) -> Measured<Report> {
        let mut all: Option<Report> = None;
        for path in &self.reports {
            let report = Report::read(path)?;
            let Some(all) = &mut all else {
                all = Some(report);
                continue;
            };
            let name = path.display();
            for replaced in all.add(report).map_err(|error| format!("{name} {error}"))? {
                eprintln!("{name} takes the place of {replaced}");
            }
        }
        all.ok_or_else(|| "there is no report".into())
    }

    fn write_plots(&self, report: &Report, folder: &Path) -> Measured<()> {
        std::fs::create_dir_all(folder)?;
        let plots = plots::of(report)?;
        let unknown = self.plot.iter().find(|name| plots.iter().all(|it| it.name != **name));
        if let Some(name) = unknown {
            let names: Vec<&str> = plots.iter().map(|it| it.name.as_str()).collect();
            return Err(format!("there is no plot {name:?}; there is {}", names.join(", ")).into());
        }
        let asked = |name: &String| self.plot.is_empty() || self.plot.contains(name);
        for plot in plots.iter().filter(|it| asked(&it.name)) {
            write(&folder.join(&plot.name).with_extension("svg"), &plot.drawing.file())?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Measured<()> {
    let write = std::fs::write(path, text);
    write.map_err(|error| format!("{} can't be written: {error}", path.display()).into())
}
