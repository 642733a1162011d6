//! The table of settings and servers in `docs/s3-compatible.md`: each server's run checks its own
//! column, and writes it with `BLESS=1`.

use std::collections::BTreeMap;
use std::fmt::Write;

use driftless::settings::SETTINGS;

use super::deviations::DEVIATIONS;
use crate::docs::{root, text};

pub const WORKS: &str = "works";
pub const DEVIATES: &str = "deviates";
pub const REFUSES: &str = "refuses some";
pub const UNSUPPORTED: &str = "unsupported";
pub const UNWRITTEN: &str = "cannot be written";

/// The servers, with the versions that were tried.
const SERVERS: [(&str, &str); 4] = [
    (super::server::EMBEDDED, "embedded"),
    ("moto", "moto 5.1.22"),
    ("localstack", "LocalStack 4.9.2"),
    ("rgw", "Ceph RGW 16.2"),
];

const PAGE: &str = "docs/s3-compatible.md";
const BEGIN: &str = "<!-- written by the tests: BLESS=1 make test -->\n";
const END: &str = "<!-- end -->\n";

fn place(server: &str) -> usize {
    SERVERS.iter().position(|(name, _)| *name == server).unwrap_or_else(|| panic!("no column for `{server}`"))
}

/// Compares the server's column with what was seen, or writes it.
pub fn check(server: &str, words: &BTreeMap<&'static str, &'static str>) {
    let page = text(PAGE);
    let (head, rest) = page.split_once(BEGIN).expect("the page has a place for the table");
    let (table, tail) = rest.split_once(END).expect("the table has an end");
    let written = rendered(table, place(server), words);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(PAGE), format!("{head}{BEGIN}{written}{END}{tail}")).expect("the page is written");
        return;
    }
    assert_eq!(table, written, "{PAGE} does not say what {server} does; run this test with BLESS=1");
}

/// The table with one column as seen and the others as they stand.
fn rendered(table: &str, column: usize, words: &BTreeMap<&'static str, &'static str>) -> String {
    let standing = |setting: &str| -> Vec<String> {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{setting}` |")));
        row.map(|line| line.split('|').skip(2).map(|cell| cell.trim().to_owned()).collect()).unwrap_or_default()
    };
    let mut out = "| Setting |".to_owned();
    SERVERS.iter().for_each(|(_, title)| out.push_str(&format!(" {title} |")));
    out.push_str("\n| --- |");
    SERVERS.iter().for_each(|_| out.push_str(" --- |"));
    out.push('\n');
    for setting in SETTINGS {
        let mut cells = standing(setting.name());
        cells.resize(SERVERS.len(), "?".to_owned());
        cells[column] = words[setting.name()].to_owned();
        let _ = writeln!(out, "| `{}` | {} |", setting.name(), cells.join(" | "));
    }
    for (name, title) in SERVERS {
        let mut them = DEVIATIONS.iter().filter(|it| it.server == name).peekable();
        if them.peek().is_some() {
            let _ = writeln!(out, "\n{title}:\n");
        }
        for it in them {
            let _ = writeln!(out, "- `{}`: {}", it.setting, it.why);
        }
    }
    out
}
