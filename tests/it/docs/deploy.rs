//! What stands in `deploy/` parses, and says what the code and the pages say.

use std::collections::BTreeMap;

use driftless::cli::iam::{InUse, Role, policy};
use driftless::config;
use serde::Deserialize;
use serde_json::Value;

use super::{bless, names, root, text};

/// Every document of the manifests, by kind.
fn manifests() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for name in names(&root().join("deploy/kubernetes")) {
        let text = text(&format!("deploy/kubernetes/{name}"));
        for document in serde_yaml::Deserializer::from_str(&text) {
            let value = Value::deserialize(document).unwrap_or_else(|error| panic!("{name}: {error}"));
            let kind = value["kind"].as_str().unwrap_or_else(|| panic!("{name} has no kind")).to_owned();
            assert!(found.insert(kind.clone(), value).is_none(), "{name}: a second {kind}");
        }
    }
    found
}

#[test]
fn every_manifest_is_listed_and_stands_in_the_namespace() {
    let manifests = manifests();
    let listed = &manifests["Kustomization"]["resources"];
    let files: Vec<String> =
        names(&root().join("deploy/kubernetes")).into_iter().filter(|it| it != "kustomization.yaml").collect();
    let mut said: Vec<String> = listed.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    said.sort();
    assert_eq!(said, files);
    for (kind, value) in &manifests {
        if !matches!(kind.as_str(), "Kustomization" | "Namespace") {
            assert_eq!(value["metadata"]["namespace"], "driftless", "{kind}");
        }
    }
}

#[test]
fn the_pod_has_no_privileges_and_a_read_only_root() {
    let manifests = manifests();
    let deployment = &manifests["Deployment"]["spec"];
    assert_eq!((&deployment["replicas"], &deployment["strategy"]["type"]), (&1.into(), &"Recreate".into()));
    let pod = &deployment["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["enableServiceLinks"], false);
    let all = &pod["securityContext"];
    assert_eq!(
        (&all["runAsNonRoot"], &all["runAsUser"], &all["seccompProfile"]["type"]),
        (&true.into(), &65534.into(), &"RuntimeDefault".into())
    );
    let container = &pod["containers"][0];
    let own = &container["securityContext"];
    assert_eq!(own["readOnlyRootFilesystem"], true);
    assert_eq!(own["allowPrivilegeEscalation"], false);
    assert_eq!(own["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert_eq!(manifests["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
}

/// Probes, ports and folders of the pod are those of the configuration beside it, and that is good.
#[test]
fn the_manifests_and_their_configuration_fit_each_other() {
    let manifests = manifests();
    let file = manifests["ConfigMap"]["data"]["driftless.yaml"].as_str().unwrap();
    let config = config::parse("driftless.yaml", file, &[]).unwrap_or_else(|found| panic!("{found:?}"));
    let container = &manifests["Deployment"]["spec"]["template"]["spec"]["containers"][0];
    let port = |name: &str| {
        let ports = container["ports"].as_array().unwrap();
        ports.iter().find(|it| it["name"] == name).unwrap()["containerPort"].as_u64().unwrap()
    };
    assert_eq!(port("http"), u64::from(config.http.listen.port()));
    assert_eq!(port("metrics"), u64::from(config.http.metrics_listen.unwrap().port()));
    let routes = text("src/serve/routes.rs");
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert!(routes.contains(&format!("\"{path}\"")), "`{path}` is no route");
    }
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mounted = |path: &str| mounts.iter().any(|it| it["mountPath"] == path);
    assert!(mounted(&config.data_dir.display().to_string()), "the data folder is not writable");
    let token = config.source.git.unwrap().token_file.unwrap();
    assert!(mounted(&token.parent().unwrap().display().to_string()), "{}", token.display());
    let key = token.file_name().unwrap().to_str().unwrap();
    assert!(manifests["Secret"]["stringData"].get(key).is_some(), "the secret has no `{key}`");
}

#[test]
fn the_image_has_no_privileges_and_builds_with_the_rust_that_is_needed() {
    let file = text("deploy/container/Dockerfile");
    let (_, last) = file.rsplit_once("\nFROM ").unwrap();
    assert!(last.starts_with("scratch\n"), "the image begins with nothing");
    assert!(last.contains("\nUSER 65534:65534\n"));
    assert!(!last.contains("\nRUN "), "there is no shell in it");
    assert!(last.contains("ENTRYPOINT [\"/usr/local/bin/driftless\"]") && last.contains("CMD [\"run\"]"));
    let manifest = text("Cargo.toml");
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"')).unwrap();
    assert!(file.contains(&format!("ARG RUST={wanted}.")), "Cargo.toml wants Rust {wanted}");
    assert!(manifest.contains("\n[profile.dist]\n") && file.contains("--profile dist"));
}

/// The variables of the image and of the unit are fields of the configuration, or the command's own.
#[test]
fn variables_that_are_set_are_known() {
    let mut seen = 0;
    for path in ["deploy/container/Dockerfile", "deploy/systemd/driftless.service"] {
        let text = text(path);
        for word in text.split(|c: char| c.is_whitespace() || c == '\\') {
            let Some((name, value)) = word.trim_start_matches("Environment=").split_once('=') else { continue };
            if !name.starts_with(config::ENVIRONMENT) || matches!(name, "DRIFTLESS_CONFIG" | "DRIFTLESS_COMMIT") {
                continue;
            }
            seen += 1;
            let set = config::Override::from_environment([(name.to_owned(), value.to_owned())]);
            let parsed = config::parse("driftless.yaml", "source: {dir: .}", &set);
            assert!(parsed.is_ok(), "{path}: `{name}`: {:?}", parsed.unwrap_err());
        }
    }
    assert!(seen >= 3, "{seen} variables");
}

#[test]
fn the_unit_is_hardened() {
    let unit = text("deploy/systemd/driftless.service");
    let mut section = "";
    let mut service: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in unit.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
        } else {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("`{line}` says nothing"));
            if section == "[Service]" {
                service.entry(key).or_default().push(value);
            }
        }
    }
    for (key, value) in [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("StateDirectory", "driftless"),
        ("StateDirectoryMode", "0700"),
        ("KillSignal", "SIGTERM"),
        ("RestartPreventExitStatus", "2"),
    ] {
        assert_eq!(service.get(key), Some(&vec![value]), "{key}");
    }
    // One write may take all attempts of a request, three times: read, write, read back.
    let patience = config::parse("driftless.yaml", "source: {dir: .}", &[]).unwrap().limits.request_deadline.0;
    let stop: u64 = service["TimeoutStopSec"][0].parse().unwrap();
    assert!(stop > patience.as_secs(), "{stop} s are too few for a write under way");
}

#[test]
fn the_iam_policies_are_what_the_command_prints() {
    for (role, path) in [(Role::Reader, "deploy/iam/reader.json"), (Role::Writer, "deploy/iam/writer.json")] {
        if std::env::var_os("BLESS").is_some() && !root().join(path).exists() {
            std::fs::write(root().join(path), "").unwrap();
        }
        bless(path, &format!("{:#}\n", policy(role, &InUse::all(), "aws")));
    }
}
