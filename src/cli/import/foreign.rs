//! The files of other tools: read here, converted by the pure half.

use std::fs;

use super::{Found, ImportArgs, check_globs, is_meant};
use crate::bucket::AccountName;
use crate::cli::session::{Failed, complain};
use crate::config::Config;
use crate::import::convert::{self, Format, Given};
use crate::import::live::Extent;
use crate::import::text;

/// Bytes of a file: above the largest states that people keep in one piece.
const MOST_BYTES: u64 = 256_000_000;

/// Reads and converts the file that was named.
pub(super) fn read(config: &Config, args: &ImportArgs) -> Result<Found, Failed> {
    check_globs(&args.matching)?;
    let [format, path] = args.from.as_slice() else {
        return Err(complain("--from needs a format and a file", Some("write `--from terraform terraform.tfstate`")));
    };
    let Some(format) = Format::of(format) else {
        let words: Vec<&str> = Format::ALL.into_iter().map(Format::word).collect();
        return Err(complain(format!("`{format}` is no format"), Some(&format!("formats: {}", words.join(", ")))));
    };
    let cannot = |why: String| complain(format!("{path} cannot be read: {why}"), None);
    let size = fs::metadata(path).map_err(|error| cannot(error.to_string().to_lowercase()))?.len();
    if size > MOST_BYTES {
        return Err(cannot(format!("it has {size} bytes; at most {MOST_BYTES} are read")));
    }
    let read = fs::read_to_string(path).map_err(|error| cannot(error.to_string().to_lowercase()))?;
    let account = match &args.account {
        Some(name) => Some(AccountName::parse(name).map_err(|error| complain(&error.message, Some(&error.hint)))?),
        None if config.accounts.len() > 1 => {
            let names: Vec<&str> = config.accounts.iter().map(|it| it.name.as_str()).collect();
            let hint = format!("say --account with one of: {}", names.join(", "));
            return Err(complain("there are several accounts", Some(&hint)));
        }
        None => None,
    };
    let extent = if args.full { Extent::Full } else { Extent::Different };
    let named = account.clone().or_else(|| config.accounts.first().map(|it| it.name.clone())).unwrap_or_default();
    let own = config.accounts.iter().find(|it| it.name == named).and_then(|it| it.id.clone());
    let given = Given { parameters: args.parameters.iter().cloned().collect(), account: own };
    let mut converted = convert::convert(format, &read, &given, extent).map_err(cannot)?;
    converted.drafts.retain(|draft| is_meant(&args.matching, draft.name.as_str()));
    for draft in &mut converted.drafts {
        draft.account.clone_from(&account);
    }
    let further = Some(&converted.account).filter(|it| !it.is_empty()).map(|it| text::account(&named, it));
    let unconverted = converted.losses.iter().map(ToString::to_string).collect();
    Ok(Found { drafts: converted.drafts, unconverted, further: further.into_iter().collect(), ..Found::default() })
}
