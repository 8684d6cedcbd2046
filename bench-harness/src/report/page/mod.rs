//! The report as one page that needs nothing else: no script, no font, no picture from anywhere.

use super::plots::{self, Plot};
use super::sections::{self, Section};
use super::{Part, Report};
use crate::Measured;
use crate::figure::bytes;

const STYLE: &str = include_str!("page.css");

/// The page.
pub(crate) fn of(report: &Report) -> Measured<String> {
    let plots = plots::of(report)?;
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>vexfs-replay: figures</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n",
        plots::night_rules()
    );
    page.push_str(&head(report));
    for part in Part::ALL.into_iter().filter(|part| report.has(*part)) {
        page.push_str(&of_part(report, part, &plots));
    }
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

/// What was measured, on what, and what wasn't.
fn head(report: &Report) -> String {
    let machine = &report.machine;
    let mut head = format!(
        "<header>\n<h1>vexfs-replay {}: figures</h1>\n\
         <p>{}, {} cores, {} of memory, kernel {}. SHA-256 by {}.</p>\n",
        escaped(&report.version),
        escaped(&machine.processor),
        machine.cores,
        bytes(machine.memory_bytes as f64),
        escaped(&machine.kernel),
        escaped(&machine.sha256_backend)
    );
    let (there, absent): (Vec<Part>, Vec<Part>) =
        Part::ALL.into_iter().partition(|it| report.has(*it));
    let link = |it: &Part| format!("<a href=\"#{}\">{}</a>", it.name(), it.title());
    if there.is_empty() {
        head.push_str("<p>There are no figures in this report.</p>\n");
    } else {
        let links: Vec<String> = there.iter().map(link).collect();
        head.push_str(&format!("<nav>{}</nav>\n", links.join(" ")));
    }
    if !absent.is_empty() && !there.is_empty() {
        let names: Vec<String> = absent
            .iter()
            .map(|it| format!("{} (<code>{}</code>)", it.title(), it.name()))
            .collect();
        head.push_str(&format!("<p class=\"note\">Not measured: {}.</p>\n", names.join(", ")));
    }
    head + "</header>\n"
}

fn of_part(report: &Report, part: Part, plots: &[Plot]) -> String {
    let mut html = format!("<section id=\"{}\">\n<h2>{}</h2>\n", part.name(), part.title());
    for command in report.commands(part) {
        html.push_str(&format!("<pre>{}</pre>\n", escaped(command)));
    }
    let plots: Vec<&Plot> = plots.iter().filter(|it| it.part == part).collect();
    if !plots.is_empty() {
        html.push_str("<div class=\"plots\">\n");
        for plot in plots {
            let (drawing, caption) = (plot.drawing.inline(), escaped(&plot.caption));
            html.push_str(&format!(
                "<figure>\n{drawing}<figcaption>{caption}</figcaption>\n</figure>\n"
            ));
        }
        html.push_str("</div>\n");
    }
    for section in sections::of(report, part) {
        html.push_str(&table(&section));
    }
    html + "</section>\n"
}

fn table(section: &Section) -> String {
    let mut html = format!("<h3>{}</h3>\n", escaped(&section.title));
    if !section.rows.is_empty() {
        html.push_str("<div class=\"wide\"><table>\n<thead><tr>");
        html.extend(section.header.iter().map(|it| format!("<th>{}</th>", escaped(it))));
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &section.rows {
            html.push_str("<tr>");
            html.extend(row.iter().map(|it| cell(it)));
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table></div>\n");
    }
    html.extend(section.notes.iter().map(|it| format!("<p class=\"note\">{}</p>\n", escaped(it))));
    html
}

/// Figures stand below each other.
fn cell(text: &str) -> String {
    let is_figure = text.starts_with(|it: char| it.is_ascii_digit() || "-≤≥–".contains(it));
    let class = if is_figure { " class=\"figure\"" } else { "" };
    format!("<td{class}>{}</td>", escaped(text))
}

/// Text as it may stand anywhere in a page or an image.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{FFFE}' | '\u{FFFF}' => escaped.push(' '),
            _ if char.is_control() => escaped.push(' '),
            _ => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{PeerRun, samples};
    use super::*;

    /// What no text of a report may bring into a page: found by a reader that knows tags and nothing else.
    fn tags(page: &str) -> Vec<String> {
        let tags = page.split('<').skip(1);
        let names = tags.map(|it| {
            it.chars().take_while(|it| !it.is_whitespace() && *it != '>').collect::<String>()
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        names
    }

    #[test]
    fn a_page_needs_nothing_else() {
        let page = of(&samples::full()).unwrap();
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for absent in ["http://", "https://", "url(", "@import", "src=", "<script", "<link", "<img"]
        {
            assert!(!page.contains(absent), "{absent}");
        }
        for part in Part::ALL {
            assert!(page.contains(&format!("<section id=\"{}\">", part.name())));
        }
        assert!(!page.contains("Not measured"));
    }

    #[test]
    fn what_is_absent_is_named() {
        let mut report = samples::full();
        report.profile = None;
        report.peers.clear();
        let page = of(&report).unwrap();
        assert!(page.contains("(<code>profile</code>), Beside others (<code>peers</code>)"));
        assert!(!page.contains("<section id=\"profile\">"));
        let page = of(&Report::new()).unwrap();
        assert!(page.contains("There are no figures in this report"));
    }

    #[test]
    fn why_a_peer_did_not_run_is_told() {
        let mut report = samples::full();
        report.peers.retain(|it| matches!(it.run, PeerRun::NotRun(_)));
        let page = of(&report).unwrap();
        assert!(page.contains("fjall wasn&#39;t run: it wasn&#39;t built: --features peers"));
    }

    #[test]
    fn text_is_text() {
        let mut report = samples::full();
        let nasty = "<script>alert('&\"')</script>";
        report.version = nasty.to_owned();
        report.machine.processor = nasty.to_owned();
        report.machine.kernel = nasty.to_owned();
        report.made_by[0].command = nasty.to_owned();
        report.table[0].measure = nasty.to_owned();
        report.sweeps[0].varied = nasty.to_owned();
        report.sweeps[1].bends = vec![nasty.to_owned()];
        report.peers[0].name = nasty.to_owned();
        let page = of(&report).unwrap();
        assert!(!page.contains("<script"));
        assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;"));
    }

    proptest! {
        #[test]
        fn every_report_has_a_page_of_known_tags(report in samples::whatever()) {
            let mut known = tags(&of(&samples::full()).unwrap());
            known.extend(tags(&of(&Report { peers: Vec::new(), ..samples::full() }).unwrap()));
            known.extend(tags(&of(&Report::new()).unwrap()));
            for tag in tags(&of(&report).unwrap()) {
                prop_assert!(known.contains(&tag), "{}", tag);
            }
        }
    }
}
