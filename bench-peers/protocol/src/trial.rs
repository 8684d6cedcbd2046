//! What every peer is put through by its test: it loads, is killed, and recovers; and it is told what it should
//! have recovered once with one byte changed, which must be found.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::{Content, Error, Result, append_payload};

const RECORDS: u64 = 10_000;

/// Some keys come again, so that later values take the place of earlier ones.
const KEYS: u64 = 7_000;

/// Puts a peer's program through it, in an empty folder, in the way of this name.
///
/// # Errors
/// What went wrong.
pub fn pass(program: &str, variant: &str, folder: &Path) -> Result<()> {
    // A server that doesn't run as root must get in.
    std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    let [payloads, changed] = ["payloads", "changed"].map(|name| folder.join(name));
    let records = records();
    write(&records, &payloads)?;
    let mut others = records.clone();
    if let Some((_, value)) = others.last_mut() {
        value.push(0);
    }
    write(&others, &changed)?;
    let [left, copy] = ["left", "copy"].map(|name| folder.join(name));
    load_and_kill(Command::new(program).args(["load", variant]).arg(&payloads).arg(&left))?;
    Command::new("cp").arg("-a").args([&left, &copy]).status()?;

    let recover = |payloads: &Path, left: &Path| {
        Command::new(program).args(["recover", variant]).arg(payloads).arg(left).output()
    };
    let recovered = recover(&payloads, &left)?;
    let said: Value = serde_json::from_slice(&recovered.stdout)
        .map_err(|error| format!("{error}: {}", stderr(&recovered)))?;
    // A model that shares nothing with what the program compares with.
    let model: BTreeMap<_, _> = records.into_iter().collect();
    let mut content = Content::default();
    model.iter().for_each(|(key, value)| content.add(key, value));
    if said["keys"] != model.len()
        || said["digest"] != content.digest()
        || said["seconds"].as_f64().is_none()
    {
        return Err(Error::from(format!("{} keys, not {said}", model.len())));
    }
    let fooled = recover(&changed, &copy)?;
    if fooled.status.success() || !stderr(&fooled).contains("where the payloads have") {
        return Err(Error::from(format!("a changed value isn't found: {}", stderr(&fooled))));
    }
    Ok(())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn load_and_kill(command: &mut Command) -> Result<()> {
    let mut process = command.stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    if let Some(out) = process.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    process.kill()?;
    process.wait()?;
    let said: Value = serde_json::from_str(&line)?;
    if said["records"] != RECORDS {
        return Err(Error::from(format!("loaded {said}, not {RECORDS} records")));
    }
    Ok(())
}

/// Keys of 10 bytes in no order, and values of up to 300.
fn records() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let record = |_| {
        let key = format!("{:010}", random() % KEYS * 1_234_577 % 9_999_999_967);
        let value = (0..random() % 300).map(|_| random().to_be_bytes()[0]).collect();
        (key.into_bytes(), value)
    };
    (0..RECORDS).map(record).collect()
}

fn write(records: &[(Vec<u8>, Vec<u8>)], file: &Path) -> Result<()> {
    let mut bytes = RECORDS.to_le_bytes().to_vec();
    for (key, value) in records {
        append_payload(key, value, &mut bytes)?;
    }
    std::fs::write(file, bytes)?;
    Ok(())
}
