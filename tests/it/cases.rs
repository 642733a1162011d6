//! Stories: specs and recorded live values in, what `driftless plan` prints out; then a sweep, and
//! nothing is left to do. `BLESS=1` writes what is printed now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use driftless::cli::live;
use driftless::cli::render::{Planned, text};
use driftless::cloud::Cloud;
use driftless::cloud::read_only::ReadOnly;
use driftless::finding::Finding;
use driftless::reconcile::Swept;
use driftless::spec::load::LastGood;

use crate::support::looped::{Rig, configuration, desired_of, now};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Every file below a folder, by its path inside it.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").to_owned();
                files.insert(inside, std::fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

fn shown(swept: &Swept, findings: &[Finding]) -> String {
    let mut shown = String::new();
    for finding in findings {
        shown.push_str(&format!("{finding}\n"));
    }
    if !findings.is_empty() {
        shown.push('\n');
    }
    let planned: Vec<Planned<'_>> = swept
        .plans
        .iter()
        .map(|it| Planned { wish: &it.wish, observed: &it.observed, plan: &it.last, repairs: &it.repairs })
        .collect();
    shown.push_str(&text(&planned, now()));
    shown
}

/// What went wrong in one case.
async fn run(case: &Path) -> Result<(), String> {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap_or_default();
    let config = configuration(&read("config.yaml"));
    let before = files(&case.join("before"));
    // A command that looks once knows no earlier forms.
    let last_good: &dyn LastGood = if before.is_empty() { &() } else { &before };
    let (desired, findings) = desired_of(&files(&case.join("specs")), last_good, &config);
    let cloud = live::parse("live.yaml", &read("live.yaml")).map_err(|faults| format!("live.yaml: {faults:?}"))?;

    let mut rig = Rig::over(&cloud);
    let only: Arc<dyn Cloud> = Arc::new(cloud.clone());
    rig.wrapped = Some(Arc::new(ReadOnly(only)));
    let looked = rig.look(&desired).await;
    let shown = shown(&looked, &findings);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(case.join("plan.txt"), &shown).map_err(|error| error.to_string())?;
    } else if shown != read("plan.txt") {
        return Err(format!("plan.txt says\n{}\nand this is printed\n{shown}", read("plan.txt")));
    }

    rig.wrapped = None;
    let swept = rig.sweep(&desired).await;
    if swept.report.failed > 0 {
        return Err(format!("{} writes failed", swept.report.failed));
    }
    cloud.forget_asked();
    let again = rig.sweep(&desired).await;
    if let Some(visited) = again.plans.iter().find(|it| it.first.has_work() || it.last.has_work()) {
        return Err(format!("the second plan still has work: {:?}", visited.first));
    }
    let wrote = cloud.count("write") + cloud.count("create");
    if wrote > 0 {
        return Err(format!("the second sweep wrote {wrote} times: {:?}", cloud.asked()));
    }
    Ok(())
}

#[tokio::test]
async fn every_case_plans_as_its_text_says_and_converges_in_one_sweep() {
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder()).expect("the cases").map(|entry| entry.expect("an entry").path()).collect();
    cases.sort();
    assert!(cases.len() >= 25, "{} cases", cases.len());
    let mut failed = Vec::new();
    for case in &cases {
        if let Err(why) = run(case).await {
            failed.push(format!("{}: {why}", case.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Pain 6, snyk/driftctl#108 and pulumi/pulumi-aws#3166: a tool that refreshed what it remembered took
/// the drift for what was wanted, and it was never told again.
#[tokio::test]
async fn pain_06_looking_again_absorbs_no_drift() {
    use crate::support::looped::{bucket, desired, held, id};
    use serde_json::json;
    let cloud = driftless::cloud::memory::MemoryCloud::default();
    cloud.put(
        &id("ai-one"),
        "us-east-1",
        &[("versioning", json!({"status": "Enabled"})), ("tags", json!({"Name": "a"}))],
    );
    let wanted = desired(&bucket("ai-one", "{versioning: {status: Enabled}, tags: {Name: a}}"));
    let mut rig = Rig::over(&cloud);
    assert!(rig.sweep(&wanted).await.plans[0].last.in_sync());
    cloud.set(&id("ai-one"), "versioning", &json!({"status": "Suspended"}));
    cloud.set(&id("ai-one"), "tags", &json!({"Name": "b"}));
    // However often it is looked at, and whoever looks for the first time, it stays drift.
    for round in 0..4 {
        let looked = rig.look(&wanted).await;
        let drifted: Vec<&str> = looked.plans[0].last.steps.iter().map(|step| step.setting).collect();
        assert_eq!((drifted, held(&looked)), (vec!["versioning", "tags"], vec![]), "look {round}");
        assert_eq!(looked.report.in_sync, 0);
        if round == 1 {
            rig = Rig::over(&cloud);
        }
    }
    assert!(rig.sweep(&wanted).await.plans[0].last.in_sync());
    assert_eq!(cloud.get(&id("ai-one"), "tags").expect("tags").value(), json!({"Name": "a"}));
}
