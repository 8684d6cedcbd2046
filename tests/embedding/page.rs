//! The page on embedding shows parts of the example, line by line as they are.

const PAGE: &str = include_str!("../../docs/embedding.md");
const EXAMPLE: &str = include_str!("../../pipeline/examples/kv_store.rs");

fn trimmed(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_part_that_the_page_shows_is_in_the_example() {
    let example = trimmed(EXAMPLE);
    let mut parts = PAGE.split("```");
    let mut shown = 0;
    while let (Some(_), Some(part)) = (parts.next(), parts.next()) {
        let part = part.strip_prefix("rust\n").expect("Rust in each part");
        // A part may leave something out.
        for piece in part.split("// …") {
            let piece = trimmed(piece.trim());
            assert!(example.contains(&piece), "not in the example:\n{piece}");
        }
        shown += 1;
    }
    assert!(shown >= 4, "{shown} parts");
}
