//! Recovery's tables: what happened, and what is done about it, as the code decides them.

use vexfs_replay::recovery::{Checkpoint, Diagnosis, FailureType, Way, preference, rules};

const RECOVERY: &str = include_str!("../../docs/recovery.md");

#[test]
fn the_rules_of_what_happened_are_those_of_the_code() {
    let start = RECOVERY.find("| what is seen | what happened |").unwrap();
    let table = RECOVERY[start..].split("\n\n").next().unwrap();
    let told = table
        .lines()
        .skip(2)
        .map(|line| line.split(" | ").next().unwrap().trim_start_matches("| "));
    assert_eq!(told.collect::<Vec<&str>>(), rules());
}

#[test]
fn the_order_of_ways_is_that_of_the_code() {
    let row = |name: &str, checkpoint: &str, ways: Vec<Way>| {
        let ways: Vec<&str> = ways.into_iter().map(Way::name).collect();
        format!("| {name} | {checkpoint} | {} |\n", ways.join(", "))
    };
    let mut table =
        String::from("| what happened | checkpoint | tried, in this order |\n|---|---|---|\n");
    let all = [Diagnosis::Healthy].into_iter().chain(FailureType::ALL.map(Diagnosis::Failed));
    for diagnosis in all {
        let name = match diagnosis {
            Diagnosis::Failed(failure) => failure.name(),
            _ => "nothing failed",
        };
        let [none, old, recent] = Checkpoint::ALL.map(|it| preference(diagnosis, it));
        assert_eq!(none, old, "{name}");
        if recent == old {
            table.push_str(&row(name, "any", old));
        } else {
            table.push_str(&row(name, "recent", recent));
            table.push_str(&row(name, "old or none", old));
        }
    }
    assert!(RECOVERY.contains(&table), "docs/recovery.md should have this table:\n{table}");
}
