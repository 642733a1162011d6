//! `driftless schema`: the JSON Schema of every document kind and of the configuration, for editors.

use std::process::ExitCode;

use crate::spec::schema::{Kind, schema};

/// Prints the JSON Schema of a document kind; of all kinds when none is named.
#[derive(Debug, clap::Args)]
pub struct SchemaArgs {
    /// Bucket, Account, BucketDefaults, Policy, Exemption, Approval, or Config for the agent's own file.
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
}

/// Runs the command.
pub fn run(args: &SchemaArgs) -> ExitCode {
    let value = match args.kind.as_deref() {
        Some("Config") => crate::config::schema(),
        Some(word) => match Kind::of(word) {
            Some(kind) => schema(kind),
            None => {
                let known = || Kind::ALL.iter().map(|kind| kind.word()).chain(["Config"]);
                super::complain(format_args!("there is no kind `{word}`"));
                match crate::finding::did_you_mean(word, known()) {
                    Some(near) => super::complain(format_args!("hint: did you mean `{near}`?")),
                    None => {
                        super::complain(format_args!("hint: there are {}", known().collect::<Vec<_>>().join(", ")));
                    }
                }
                return ExitCode::from(super::CANNOT_TELL);
            }
        },
        None => {
            let kinds: Vec<_> = Kind::ALL.iter().map(|kind| schema(*kind)).collect();
            serde_json::json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": "driftless documents",
                "oneOf": kinds,
            })
        }
    };
    super::say(format_args!("{value:#}"));
    ExitCode::SUCCESS
}
