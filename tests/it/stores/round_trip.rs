//! For any legal value: it is written, and read back as it was written, or as this server is known
//! to keep it.

use std::collections::{BTreeMap, BTreeSet};

use driftless::cloud::Cloud;
use driftless::doc::Doc;
use driftless::setting::{AnySetting, Risk};
use driftless::settings::SETTINGS;

use super::deviations::{self, DEVIATIONS, How};
use super::server::Server;
use super::{cases, table, whole};

/// Values a setting.
const CASES: usize = 12;

/// What came of a setting on the server.
struct Tried {
    word: &'static str,
    /// The deviations that showed.
    shown: BTreeSet<&'static str>,
    faults: Vec<String>,
}

#[tokio::test]
async fn what_is_written_is_read_back_or_the_difference_is_known() {
    let server = Server::start().await;
    let mut words = BTreeMap::new();
    let mut shown = BTreeSet::new();
    let mut faults = Vec::new();
    for setting in SETTINGS {
        let tried = one(&server, *setting).await;
        words.insert(setting.name(), tried.word);
        shown.extend(tried.shown.into_iter().map(|why| (setting.name(), why)));
        faults.extend(tried.faults.into_iter().map(|fault| format!("{}: {fault}", setting.name())));
    }
    assert!(faults.is_empty(), "{} is not as it is known to be:\n{}", server.name, faults.join("\n"));
    let expected: BTreeSet<_> = DEVIATIONS
        .iter()
        .filter(|it| it.server == server.name && driftless::settings::find(it.setting).is_some())
        .map(|it| (it.setting, it.why))
        .collect();
    assert_eq!(shown, expected, "every known deviation of {} still shows", server.name);
    table::check(&server.name, &words);
}

async fn one(server: &Server, setting: &'static dyn AnySetting) -> Tried {
    let name = setting.name();
    let mut tried = Tried { word: table::WORKS, shown: BTreeSet::new(), faults: Vec::new() };
    let (unread, unwritten) = deviations::lacks(&server.name);
    let bucket = server.bucket("trip", name).await;
    match server.read(&bucket, name).await {
        Err(error) if Server::is_lack(&error) => {
            tried.word = table::UNSUPPORTED;
            if !unread.contains(&name) {
                tried.faults.push(format!("it is not known to be lacking: {error}"));
            }
            return tried;
        }
        Err(error) => {
            tried.faults.push(format!("a fresh bucket does not answer: {error}"));
            return tried;
        }
        Ok(_) if unread.contains(&name) => {
            tried.faults.push("it is known to be lacking, and answers".to_owned());
            return tried;
        }
        Ok(_) => {}
    }
    let known = deviations::of(&server.name, name);
    let mut written = 0;
    for said in cases(name, &bucket, CASES) {
        server.make_others(&said, &bucket).await;
        let seen = match server.read(&bucket, name).await {
            Ok(seen) => seen,
            Err(error) => {
                tried.faults.push(format!("it can be read no more before {said}: {error}"));
                break;
            }
        };
        let to = whole(setting, &seen, &said);
        if seen == to || matches!(setting.risk(&seen, &to), Risk::Impossible(_)) {
            continue;
        }
        written += 1;
        let answer = server.cloud.write(&Server::target(&bucket), name, &seen, &to).await;
        match (answer, deviations::refused(&known, &seen.value(), &to.value())) {
            (Ok(()), None) => {}
            (Err(error), _) if Server::is_lack(&error) && unwritten.contains(&name) => {
                tried.word = table::UNWRITTEN;
                return tried;
            }
            (Err(error), Some((code, why))) if error.code == code => {
                tried.shown.insert(why);
                continue;
            }
            (Ok(()), Some((code, _))) => {
                tried.faults.push(format!("it was to be refused with {code}: {said}"));
                continue;
            }
            (Err(error), _) => {
                tried.faults.push(format!("it was refused: {said}: {error}"));
                continue;
            }
        }
        let (expected, whys) = deviations::kept(&known, &to.value());
        tried.shown.extend(whys);
        let expected = setting.shown(&setting.canonical(&Doc::of(&expected)));
        match server.read(&bucket, name).await {
            Ok(found) if found == expected => {}
            Ok(found) => tried.faults.push(format!("{said} was written and reads back otherwise: {found:?}")),
            Err(error) => tried.faults.push(format!("{said} was written and cannot be read: {error}")),
        }
    }
    if written == 0 {
        tried.faults.push("no value was written".to_owned());
    }
    if unwritten.contains(&name) {
        tried.faults.push("it is known not to be written, and was".to_owned());
    }
    if setting.removable() {
        let default = setting.default_doc();
        if let Ok(seen) = server.read(&bucket, name).await
            && seen != default
        {
            let refused = deviations::refused(&known, &seen.value(), &default.value());
            match (server.cloud.write(&Server::target(&bucket), name, &seen, &default).await, refused) {
                (Err(error), Some((code, why))) if error.code == code => {
                    tried.shown.insert(why);
                }
                (Ok(()), None) => {}
                (answer, _) => tried.faults.push(format!("its removal: {answer:?}")),
            }
            match server.read(&bucket, name).await {
                Ok(found) if found == default || refused.is_some() => {}
                other => tried.faults.push(format!("it was removed and reads back as {other:?}")),
            }
        }
    }
    if !tried.shown.is_empty() {
        let refuses = known.iter().all(|it| matches!(it.how, How::Refuses(..)));
        tried.word = if refuses { table::REFUSES } else { table::DEVIATES };
    }
    tried
}
