//! The verdicts of a scan, from the gravest on, as the code orders them.

use vexfs_replay::scan::Gravity;

use crate::markdown::REPLAYING;

#[test]
fn the_order_of_verdicts_is_that_of_the_code() {
    let section = REPLAYING.section("Scanning many journals");
    let rows = section.table(&["verdict", "what it means", "exit code"]);
    let told: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let mut known = Gravity::ALL;
    assert!(known.is_sorted());
    known.reverse();
    assert_eq!(told, known.map(Gravity::name));
}
