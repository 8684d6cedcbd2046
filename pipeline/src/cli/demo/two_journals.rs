//! A system of two journals that share transactions: one of them loses its end, each alone would come back to
//! another point, and `coordinate` brings both, and what follows them, to one cut.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::generate::generate_system;

use super::super::exit::Exit;
use super::{failed, run_step, step, tear};

/// How many transactions are committed in both journals.
const TRANSACTIONS: u64 = 200;

/// Makes it in a folder that isn't there yet, breaks and mends it, and takes it away; gives the results, and what
/// is to be told of them.
pub(super) fn show(folder: &Path) -> Result<(Value, String), Error> {
    let shown = break_and_mend(folder);
    let removed = fs::remove_dir_all(folder);
    let shown = shown?;
    removed.map_err(|source| failed("remove", folder, source))?;
    Ok(shown)
}

fn break_and_mend(folder: &Path) -> Result<(Value, String), Error> {
    let ends = generate_system(folder, TRANSACTIONS)?;
    let [files, journal] = [folder.join("files"), folder.join("disk").join("journal")];
    let torn_bytes = tear(&files)?;
    eprintln!("tore {torn_bytes} bytes off one of two journals");
    let kernel = step(&["kernel-journal", "inspect"], &journal, Exit::Clean)?;
    let semantic = step(&["verify"], &files, Exit::TornTail)?;
    let path = folder.to_string_lossy();
    let asked = run_step(&["coordinate", "run", &path], Exit::InDoubt)?;
    let mended = run_step(&["coordinate", "run", &path, "--accept-loss"], Exit::Loss)?;
    let records = folder.join("files.records");
    let checkpoints = folder.join("files.checkpoints");
    let again = run_step(
        &[
            "recover",
            &files.to_string_lossy(),
            "--records",
            &records.to_string_lossy(),
            "--checkpoints",
            &checkpoints.to_string_lossy(),
        ],
        Exit::TornTail,
    )?;
    let cut = &mended["coordination"]["plan"]["cut"];
    let files_cut = cut["files"].as_u64().unwrap_or(0);
    let kept = ends.iter().filter(|&&end| end <= files_cut).count();
    let transactions = kernel["transactions"].as_array();
    let committed =
        transactions.map_or(0, |all| all.iter().filter(|it| it["outcome"] == "committed").count());
    let told = format!(
        "two journals with {TRANSACTIONS} shared transactions: one lost its end and has {}, the other has \
         {committed}\nbrought to one cut: {kept} transactions in both, at LSN {files_cut} and sequence {}\n",
        ends.iter().filter(|&&end| end <= semantic["end"]["lsn"].as_u64().unwrap_or(0)).count(),
        cut["disk"],
    );
    let json = json!({
        "torn_bytes": torn_bytes,
        "kernel_journal": kernel,
        "verify": semantic,
        "coordinate_without_permission": asked,
        "coordinate": mended,
        "recover": again,
        "transactions_kept": kept,
    });
    Ok((json, told))
}
