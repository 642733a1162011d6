//! `deploy/addresses.sh` puts the addresses of an installation in, everywhere and nowhere else.

use std::path::Path;
use std::process::{Command, Output};

use crate::docs::root;

fn addresses(words: &[&str], folder: &Path) -> Output {
    let script = root().join("deploy/addresses.sh");
    Command::new("sh").arg(script).args(words).arg(folder).output().expect("sh is there")
}

/// What a folder holds after the script, with the files that are delivered.
fn files(folder: &Path) -> Vec<(String, String)> {
    let names = ["rules.yml", "dashboards/agent.json", "dashboards/bucket.json", "dashboards/fleet.json"];
    let delivered = |name: &str| match name.strip_prefix("dashboards/") {
        Some(_) => root().join("deploy/grafana").join(name),
        None => root().join("deploy/prometheus").join(name),
    };
    let read =
        |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    names.map(|name| (read(&delivered(name)), read(&folder.join(name)))).into()
}

#[test]
fn every_link_leads_to_the_addresses_that_were_given_and_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let given = ["https://g.example.org/", "https://d.example.org/x", "https://p.example.org:8443"];
    let output = addresses(&given, folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = files(folder.path());
    for (before, after) in &files {
        for placeholder in ["grafana.example.com", "docs.example.com", "127.0.0.1:9464"] {
            assert!(!after.contains(placeholder), "{placeholder} is left");
        }
        let back = after
            .replace("https://g.example.org", "https://grafana.example.com")
            .replace("https://d.example.org/x", "https://docs.example.com/driftless")
            .replace("https://p.example.org:8443", "http://127.0.0.1:9464");
        assert!(back == *before, "something else changed, too");
    }
    let rules = &files[0].1;
    assert!(rules.contains("runbook_url: https://d.example.org/x/operations.md#driftlessfight\n"));
    assert!(rules.contains("dashboard_url: https://g.example.org/d/driftless-fleet\n"));
    assert!(files[1].1.contains("https://p.example.org:8443"));
}

#[test]
fn an_address_that_is_none_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let good = "https://x.example.org";
    for bad in ["grafana.example.org", "https://a|b", "https://a&b", "https://a b", "javascript:alert(1)", ""] {
        for place in 0..3 {
            let mut given = [good; 3];
            given[place] = bad;
            assert_eq!(addresses(&given, folder.path()).status.code(), Some(2), "{bad:?}");
        }
    }
    assert_eq!(addresses(&[good], folder.path()).status.code(), Some(2));
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}
