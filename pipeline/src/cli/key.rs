//! `key`: makes the keys that sign journals.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::trust::SecretKey;

use super::exit::{Exit, HELP};
use super::output::{Report, facts};
use super::trust::{folder_of, trusted_key};

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum KeyVerb {
    /// Make a secret key that its owner alone may read, and its public key beside it with `.pub` behind
    /// the name. Neither file may be there.
    #[command(after_help = HELP)]
    Generate(KeyArguments),
    /// Show what a public key is called.
    #[command(after_help = HELP)]
    Show(ShowArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArguments {
    /// The secret key's file.
    file: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ShowArguments {
    /// The public key's file.
    file: PathBuf,
}

pub(crate) fn run(verb: &KeyVerb) -> Result<Report, Error> {
    match verb {
        KeyVerb::Generate(it) => generate(it),
        KeyVerb::Show(it) => {
            let key = trusted_key(&it.file)?;
            let id = hex::encode(key.id());
            let rows = [("key", id.clone())];
            let json = json!({ "key_id": id });
            Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
        }
    }
}

fn generate(arguments: &KeyArguments) -> Result<Report, Error> {
    let (folder, name) = folder_of(&arguments.file, "file")?;
    let key = SecretKey::generate()?;
    key.write(&folder, &name)?;
    let (secret, id) = (arguments.file.display().to_string(), hex::encode(key.public().id()));
    let public = format!("{secret}.pub");
    let json = json!({ "secret_key": secret, "public_key": public, "key_id": id });
    let rows = [("secret key", secret), ("public key", public), ("key", id)];
    Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
}
