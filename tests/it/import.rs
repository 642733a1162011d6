//! What holds for every live bucket that is imported: the loop against S3 in memory, with generated
//! values of every setting.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use driftless::bucket::Region;
use driftless::cloud::memory::MemoryCloud;
use driftless::desired::Desired;
use driftless::import::live::{Extent, draft};
use driftless::import::place::Layout;
use driftless::import::share::share;
use driftless::import::{Draft, Matter, Said, policies, text};
use driftless::observed::{Existence, Observed, Reading};
use driftless::setting::Overlay;
use driftless::settings::{self, SETTINGS};
use driftless::spec::Asked;
use driftless::verdict::{Origin, Verdict};
use proptest::prelude::*;
use serde_json::Value;

use crate::legal;
use crate::support::looped::{Rig, configuration, desired, desired_of, desired_with, id};

type Live = BTreeMap<&'static str, Value>;

/// What is live of a bucket: legal values of some settings.
fn live() -> impl Strategy<Value = Live> {
    let names: Vec<&'static str> = SETTINGS.iter().map(|it| it.name()).collect();
    prop::sample::subsequence(names, 0..=SETTINGS.len()).prop_flat_map(|names| {
        let each = names.into_iter().map(|name| legal::values(name).prop_map(move |value| (name, value)));
        each.collect::<Vec<_>>().prop_map(|pairs| pairs.into_iter().collect())
    })
}

fn put(cloud: &MemoryCloud, name: &str, region: &str, live: &Live) {
    // A bucket policy speaks of its own bucket.
    let own = |value: &Value| -> Value {
        serde_json::from_str(&value.to_string().replace(":::ai-data", &format!(":::{name}"))).expect("JSON")
    };
    let docs: Vec<(&'static str, Value)> =
        live.iter().map(|(it, value)| (*it, settings::named(it).parse(&own(value)).expect("legal").value())).collect();
    cloud.put(&id(name), region, &docs);
}

fn observed(cloud: &MemoryCloud, name: &str, region: &str, backwards: bool) -> Observed {
    let mut observed = Observed::new(Existence::Here(Region::parse(region).expect("legal")));
    let mut all: Vec<_> = SETTINGS.iter().map(|it| it.name()).collect();
    if backwards {
        all.reverse();
    }
    for setting in all {
        observed.note(setting, Reading::Known(cloud.get(&id(name), setting).expect("the bucket is there")));
    }
    observed
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(future)
}

/// What is wanted of a bucket: its name, its region, its settings.
type Wanted = (String, String, Vec<(&'static str, Asked)>);

/// What is wanted of every bucket, without where it is written.
fn wanted(desired: &Desired) -> Vec<Wanted> {
    let wants = |wish: &driftless::desired::Wish| wish.wants.iter().map(|it| (it.setting, it.asked.clone())).collect();
    desired.buckets.iter().map(|(id, wish)| (id.to_string(), wish.region.to_string(), wants(wish))).collect()
}

fn files(all: impl IntoIterator<Item = driftless::import::Written>) -> BTreeMap<String, Vec<u8>> {
    all.into_iter().map(|file| (file.path, file.text.into_bytes())).collect()
}

fn read(files: &BTreeMap<String, Vec<u8>>) -> Arc<Desired> {
    let (desired, findings) = desired_of(files, &(), &configuration("policies: {builtin: []}"));
    // Made-up settings may need others that are not there; on S3 they could not be.
    let errors = findings.into_iter().filter(|it| it.severity == driftless::finding::Severity::Error);
    let errors: Vec<_> = errors.filter(|it| !it.message.contains(" would be refused: ")).collect();
    assert_eq!(errors, [], "{:?}", files.values().map(|it| String::from_utf8_lossy(it)).collect::<Vec<_>>());
    desired
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_imported_is_in_sync_and_everything_that_differs_is_said(live in live()) {
        let cloud = MemoryCloud::default();
        put(&cloud, "ai-data", "us-east-1", &live);
        let observed = observed(&cloud, "ai-data", "us-east-1", false);
        for extent in [Extent::Different, Extent::Full] {
            let draft = draft(&id("ai-data").name, None, &observed, extent);
            let left_out: Vec<_> = draft.notes.iter().filter(|it| it.matter != Matter::Dangling).collect();
            prop_assert!(left_out.is_empty(), "legal values can be said: {:?}", left_out);
            for setting in SETTINGS {
                let new = cloud.get(&id("ai-data"), setting.name()) == Some(setting.fresh_doc());
                // That versioning was never on cannot be said.
                let said = draft.settings.contains_key(setting.name()) || setting.written(&setting.default_doc()) == serde_json::json!({});
                prop_assert!(said || (new && extent == Extent::Different), "`{}` is not said", setting.name());
            }
            let text = text::document(&draft);
            let swept = run(async { Rig::over(&cloud).look(&desired(&text)).await });
            let plan = &swept.plans[0].last;
            prop_assert!(plan.in_sync(), "{:?}\n{}", plan, text);
        }
    }

    /// A new bucket that is made of the spec is the bucket that the spec was made of.
    #[test]
    fn a_new_bucket_with_the_spec_is_the_bucket(live in live()) {
        let cloud = MemoryCloud::default();
        put(&cloud, "ai-data", "us-east-1", &live);
        let observed = observed(&cloud, "ai-data", "us-east-1", false);
        let draft = draft(&id("ai-data").name, None, &observed, Extent::Different);
        for (name, said) in &draft.settings {
            let setting = settings::named(name);
            let Said::Value(said) = said else { continue };
            let said = setting.parse(said).expect("a value");
            let live = cloud.get(&id("ai-data"), name).expect("the bucket is there");
            let made = |said| setting.merge(&setting.fresh_doc(), said, Overlay::Whole);
            // What has no id would get one, whoever writes it.
            let whole = setting.parse(&setting.written(&live)).expect("a value");
            prop_assert_eq!(made(&said), made(&whole), "{}", name);
            prop_assert_eq!(setting.merge(&live, &said, Overlay::Whole), live, "{}", name);
        }
    }

    #[test]
    fn what_policies_will_change_stands_in_the_comments_and_nothing_else_will_change(live in live()) {
        let cloud = MemoryCloud::default();
        put(&cloud, "ai-data", "us-east-1", &live);
        let observed = observed(&cloud, "ai-data", "us-east-1", false);
        let mut draft = draft(&id("ai-data").name, None, &observed, Extent::Different);
        let swept = run(async { Rig::over(&cloud).look(&desired_with(&text::document(&draft), "")).await });
        let plan = &swept.plans[0].last;
        draft.notes.extend(policies::notes(plan));
        for verdict in &plan.settings {
            prop_assert_eq!(verdict.verdict, Verdict::Compliant, "{:?}", verdict);
        }
        let told: BTreeSet<_> = draft.notes.iter().filter(|it| it.matter == Matter::Policy).filter_map(|it| it.setting).collect();
        for step in plan.steps.iter().chain(plan.held.iter().filter_map(|held| held.step.as_ref())) {
            prop_assert!(step.origins.iter().any(|it| matches!(it, Origin::Policy(_))), "{:?}", step);
            prop_assert!(told.contains(step.setting), "nobody is told of {:?}", step);
        }
        let open = plan.policies.iter().filter(|it| it.verdict != Verdict::Compliant).count();
        prop_assert!(open == 0 || draft.wants_a_person());
        // And with the comments it is still the same document.
        prop_assert_eq!(wanted(&desired(&text::document(&draft))).len(), 1);
    }

    #[test]
    fn the_text_does_not_depend_on_the_order_of_reading(live in live()) {
        let cloud = MemoryCloud::default();
        put(&cloud, "ai-data", "us-east-1", &live);
        let of = |backwards| {
            let observed = observed(&cloud, "ai-data", "us-east-1", backwards);
            text::document(&draft(&id("ai-data").name, None, &observed, Extent::Full))
        };
        prop_assert_eq!(of(false), of(true));
    }

    #[test]
    fn what_buckets_share_changes_nothing_of_what_is_wanted(
        kinds in prop::collection::vec((live(), prop::sample::select(vec!["us-east-1", "eu-west-1"])), 1..4),
        which in prop::collection::vec(0..4_usize, 1..9),
        extent in prop::sample::select(vec![Extent::Different, Extent::Full]),
    ) {
        let cloud = MemoryCloud::default();
        let mut drafts: Vec<Draft> = Vec::new();
        for (n, kind) in which.iter().enumerate() {
            let (name, (live, region)) = (format!("ai-data-{n}"), &kinds[kind % kinds.len()]);
            // Topics, queues and keys are of the bucket's own region.
            let region = if serde_json::json!(live).to_string().contains(":us-east-1:") { "us-east-1" } else { region };
            put(&cloud, &name, region, live);
            drafts.push(draft(&id(&name).name, None, &observed(&cloud, &name, region, false), extent));
        }
        let plain = files(drafts.iter().map(|draft| text::bucket(draft, Layout::Flat)));
        let common = share(&mut drafts);
        let shared = files(
            text::defaults(&common, Layout::Flat).into_iter().chain(drafts.iter().map(|it| text::bucket(it, Layout::Flat))),
        );
        prop_assert_eq!(wanted(&read(&plain)), wanted(&read(&shared)));
        // Where all are alike, the files say nothing but their names, and their policies, which name them.
        if which.len() > 1 && which.iter().all(|kind| kind % kinds.len() == which[0] % kinds.len()) {
            let bare = |draft: &Draft| draft.settings.keys().all(|it| *it == "policy") && draft.region.is_none();
            prop_assert!(drafts.iter().all(bare), "{:?}", drafts);
        }
    }
}
