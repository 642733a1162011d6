//! What holds for every spec, every policy and every live bucket: the loop against S3 in memory
//! with generated values of every setting.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use driftless::cloud::S3ErrorKind;
use driftless::cloud::memory::{Effect, Fault, MemoryCloud};
use driftless::desired::{Desired, resolve};
use driftless::doc::Doc;
use driftless::reconcile::{FleetLimit, Swept};
use driftless::setting::Overlay;
use driftless::settings::{self, SETTINGS};
use driftless::spec::load::{Context, File, load};
use driftless::verdict::{Hold, Verdict};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use crate::legal;
use crate::support::looped::{Rig, bucket, configuration, desired, document, id, now};

type Said = BTreeMap<&'static str, Value>;

/// Some settings with a value each; `absent` among them where a spec may say it.
fn some_settings(most: usize, absent: bool) -> impl Strategy<Value = Said> {
    let names: Vec<&'static str> = SETTINGS.iter().map(|it| it.name()).collect();
    prop::sample::subsequence(names, 0..=most).prop_flat_map(move |names| {
        let each: Vec<BoxedStrategy<(&'static str, Value)>> = names
            .into_iter()
            .map(|name| {
                let value = legal::values(name).prop_map(move |value| (name, value));
                if absent && settings::named(name).removable() {
                    prop_oneof![4 => value, 1 => Just((name, json!("absent")))].boxed()
                } else {
                    value.boxed()
                }
            })
            .collect();
        each.prop_map(|pairs| pairs.into_iter().collect())
    })
}

/// A world: what is live, what a spec says, what policies say.
#[derive(Debug, Clone)]
struct World {
    live: Said,
    spec: Said,
    /// Each with whether it is enforced.
    policies: Vec<(Said, bool)>,
}

fn world() -> impl Strategy<Value = World> {
    let policies = prop::collection::vec((some_settings(3, false), prop::bool::weighted(0.7)), 0..3);
    (some_settings(11, false), some_settings(7, true), policies).prop_map(|(live, spec, policies)| World {
        live,
        spec,
        policies,
    })
}

impl World {
    fn cloud(&self) -> MemoryCloud {
        let cloud = MemoryCloud::default();
        cloud.put(&id("ai-data"), "us-east-1", &live_docs(&self.live));
        cloud
    }

    fn text(&self, further: &str) -> String {
        let mut text = bucket("ai-data", &json!(self.spec).to_string());
        for (at, (require, enforced)) in self.policies.iter().enumerate() {
            if !require.is_empty() {
                let mode = if *enforced { "enforce" } else { "observe" };
                let spec = json!({"mode": mode, "require": require}).to_string();
                text.push_str(&document("Policy", &format!("p{at}"), &spec));
            }
        }
        text + further
    }

    fn named(&self) -> BTreeSet<&'static str> {
        self.spec.keys().chain(self.policies.iter().flat_map(|(require, _)| require.keys())).copied().collect()
    }
}

fn live_docs(live: &Said) -> Vec<(&'static str, Value)> {
    live.iter().map(|(name, value)| (*name, settings::named(name).parse(value).expect("a value").value())).collect()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(future)
}

fn read(cloud: &MemoryCloud, setting: &'static str) -> Doc {
    cloud.get(&id("ai-data"), setting).expect("the bucket is there")
}

/// Sweeps until everything that an approval can release was released; at most so often as there
/// can be approvals of approvals.
async fn approved(world: &World, cloud: &MemoryCloud) -> (Arc<Desired>, Rig, Swept) {
    let rig = Rig::over(cloud);
    let mut approvals = String::new();
    for round in 0.. {
        let desired = desired(&world.text(&approvals));
        let swept = rig.sweep(&desired).await;
        let digests: Vec<String> = swept.plans[0].last.held.iter().filter_map(|held| held.digest.clone()).collect();
        if digests.is_empty() || round == 3 {
            return (desired, rig, swept);
        }
        for digest in digests {
            let spec = format!("{{change: \"{digest}\", reason: tested, expires: 2026-12-01}}");
            approvals.push_str(&document("Approval", &format!("a{digest}"), &spec));
        }
    }
    unreachable!("the rounds end")
}

fn contradicted(swept: &Swept, setting: &str) -> bool {
    swept.plans[0].last.held.iter().any(|held| held.setting == setting && held.hold == Hold::Impossible)
}

/// A live value with a wish on top, as `how` says.
fn with(setting: &'static str, live: &Doc, wish: &Value, how: Overlay) -> Doc {
    let it = settings::named(setting);
    if wish == "absent" { it.default_doc() } else { it.merge(live, &it.parse(wish).expect("a value"), how) }
}

fn check(holds: bool, why: impl FnOnce() -> String) -> Result<(), TestCaseError> {
    if holds { Ok(()) } else { Err(TestCaseError::fail(why())) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Laws 2 and 6.
    #[test]
    fn one_sweep_converges_the_second_writes_nothing_and_nothing_unnamed_is_touched(world in world()) {
        run(async {
            let cloud = world.cloud();
            let named = world.named();
            let before: BTreeMap<&str, Doc> =
                SETTINGS.iter().map(|it| (it.name(), read(&cloud, it.name()))).collect();
            let desired = desired(&world.text(""));
            let rig = Rig::over(&cloud);
            let swept = rig.sweep(&desired).await;
            check(swept.report.failed == 0, || format!("a write failed: {:?}", swept.plans[0].repairs))?;
            check(!swept.plans[0].last.has_work(), || format!("work is left: {:?}", swept.plans[0].last.steps))?;
            // S3 lets some settings decide about their neighbours.
            let beside: BTreeSet<&str> =
                named.iter().flat_map(|name| settings::named(name).beside()).copied().collect();
            for ask in cloud.asked().iter().filter(|ask| !ask.setting.is_empty()) {
                if ask.verb == "read" && beside.contains(ask.setting) {
                    continue;
                }
                check(named.contains(ask.setting), || format!("`{}` was asked for and nobody names it", ask.setting))?;
            }
            for setting in SETTINGS.iter().filter(|it| !named.contains(it.name())) {
                check(read(&cloud, setting.name()) == before[setting.name()], || setting.name().to_owned())?;
            }
            cloud.forget_asked();
            let again = rig.sweep(&desired).await;
            check(cloud.count("write") == 0, || format!("the second sweep wrote: {:?}", again.plans[0].repairs))?;
            check(again.plans[0].last.held == swept.plans[0].last.held, || "what is held changed".to_owned())
        })?;
    }

    /// Law 3, with every guarded change approved.
    #[test]
    fn a_policy_can_only_tighten(world in world()) {
        run(async {
            let cloud = world.cloud();
            let (_, rig, swept) = approved(&world, &cloud).await;
            let _ = rig;
            for (setting, wish) in &world.spec {
                let spoken = world.policies.iter().any(|(require, enforced)| *enforced && require.contains_key(setting));
                let impossible = contradicted(&swept, setting);
                let live = read(&cloud, setting);
                check(spoken || impossible || with(setting, &live, wish, Overlay::Whole) == live, || {
                    format!("the spec wants {wish} of `{setting}`, no policy speaks of it, and it is {live:?}")
                })?;
            }
            for (setting, demand) in world.policies.iter().filter(|(_, enforced)| *enforced).flat_map(|(it, _)| it) {
                let live = read(&cloud, setting);
                check(contradicted(&swept, setting) || with(setting, &live, demand, Overlay::Within) == live, || {
                    format!("an enforced policy wants {demand} of `{setting}`, and it is {live:?}")
                })?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    }

    /// Law 7.
    #[test]
    fn what_is_unknown_is_never_written_and_hides_nothing(world in world(), denied in prop::sample::subsequence(
        SETTINGS.iter().map(|it| it.name()).collect::<Vec<_>>(), 1..5)) {
        run(async {
            let cloud = world.cloud();
            for setting in &denied {
                let effect = Effect::Fail(S3ErrorKind::Denied);
                cloud.fail(Fault { verb: "read", bucket: String::new(), setting, times: usize::MAX, effect });
            }
            let swept = Rig::over(&cloud).sweep(&desired(&world.text(""))).await;
            let plan = &swept.plans[0].last;
            for ask in cloud.asked().iter().filter(|ask| ask.verb == "write") {
                check(!denied.contains(&ask.setting), || format!("`{}` was written unread", ask.setting))?;
            }
            for verdict in plan.settings.iter().filter(|it| it.setting != "existence") {
                let unknown = verdict.verdict == Verdict::Unknown;
                check(unknown == denied.contains(&verdict.setting), || format!("{verdict:?}"))?;
            }
            check(!plan.has_work(), || format!("work is left: {plan:?}"))
        })?;
    }

    #[test]
    fn the_order_of_the_files_does_not_matter(worlds in prop::collection::vec(world(), 1..4), seed in any::<u64>()) {
        let mut files: Vec<(String, String)> = Vec::new();
        for (at, world) in worlds.iter().enumerate() {
            files.push((format!("{at}.yaml"), bucket(&format!("ai-data-{at}"), &json!(world.spec).to_string())));
            for (n, (require, enforced)) in world.policies.iter().enumerate().filter(|(_, it)| !it.0.is_empty()) {
                let mode = if *enforced { "enforce" } else { "observe" };
                let spec = json!({"mode": mode, "require": require}).to_string();
                files.push((format!("p{at}{n}.yaml"), document("Policy", &format!("p{at}{n}"), &spec)));
            }
        }
        let plan = |files: &[(String, String)]| {
            let files: Vec<File<'_>> = files.iter().map(|(path, text)| File { path, bytes: text.as_bytes() }).collect();
            let config = configuration("policies: {builtin: []}");
            let mut loaded = load(&files, &(), &Context { now: now(), ..Context::default() });
            config.choose_policies(&mut loaded.specs.policies);
            let (desired, findings) = resolve(&loaded.specs, &config.agent());
            let cloud = MemoryCloud::default();
            for (at, world) in worlds.iter().enumerate() {
                cloud.put(&id(&format!("ai-data-{at}")), "us-east-1", &live_docs(&world.live));
            }
            let swept = run(async { Rig::over(&cloud).look(&Arc::new(desired)).await });
            (findings, swept.plans.into_iter().map(|it| it.last).collect::<Vec<_>>())
        };
        let (findings, plans) = plan(&files);
        let mut state = seed | 1;
        for at in (1..files.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            files.swap(at, (state >> 33) as usize % (at + 1));
        }
        let (other_findings, other_plans) = plan(&files);
        prop_assert_eq!(findings, other_findings);
        prop_assert_eq!(plans, other_plans);
    }

    /// Law 6: fields that S3 returned and nobody declared are carried over.
    #[test]
    fn an_undeclared_field_survives_every_repair(world in world()) {
        run(async {
            let cloud = world.cloud();
            let (_, _, _) = approved(&world, &cloud).await;
            let declared = |setting: &str, field: &str| {
                let says = |said: &Said| said.get(setting).is_some_and(|it| it == "absent" || it == "all" || it.get(field).is_some());
                says(&world.spec) || world.policies.iter().any(|(require, _)| says(require))
            };
            for (setting, field) in [
                ("tags", "A"), ("tags", "B"), ("tags", "C"), ("tags", "D"),
                ("publicAccessBlock", "blockPublicAcls"), ("publicAccessBlock", "ignorePublicAcls"),
                ("publicAccessBlock", "blockPublicPolicy"), ("publicAccessBlock", "restrictPublicBuckets"),
                ("encryption", "blockedEncryptionTypes"),
            ] {
                let before = world.cloud();
                let (was, is) = (read(&before, setting).value(), read(&cloud, setting).value());
                check(declared(setting, field) || was.get(field) == is.get(field), || {
                    format!("nobody declared `{setting}.{field}`, and it went from {was} to {is}")
                })?;
            }
            // In a set by id, each id is declared for itself.
            for setting in ["inventory", "analytics", "metrics", "intelligentTiering"] {
                let of = |value: &Value, id: &str| {
                    let mut set = value["configurations"].as_array().into_iter().flatten();
                    set.find(|it| it["id"] == id).cloned()
                };
                let says = |said: &Said, id: &str| {
                    said.get(setting).is_some_and(|it| it == "absent" || of(it, id).is_some())
                };
                let before = world.cloud();
                let (was, is) = (read(&before, setting).value(), read(&cloud, setting).value());
                for id in ["a", "b", "c"] {
                    let named = says(&world.spec, id) || world.policies.iter().any(|(require, _)| says(require, id));
                    check(named || of(&was, id) == of(&is, id), || {
                        format!("nobody named `{id}` of `{setting}`, and it went from {was} to {is}")
                    })?;
                }
            }
            Ok::<_, TestCaseError>(())
        })?;
    }

    #[test]
    fn what_is_ignored_is_neither_compared_nor_written(
        world in world(),
        keys in prop::sample::subsequence(vec!["A", "B", "C", "D"], 1..3),
        whole in prop::sample::subsequence(vec!["lifecycle", "cors", "website", "versioning"], 0..3),
    ) {
        let mut world = world;
        world.policies.clear();
        // Removing a setting removes what is inside it as well, unless all of it is ignored.
        world.spec.retain(|_, said| said != "absent");
        let mut paths: Vec<String> = keys.iter().map(|key| format!("tags.{key}")).collect();
        paths.extend(whole.iter().map(|it| (*it).to_owned()));
        let mut spec = json!(world.spec);
        spec["ignore"] = json!(paths);
        let desired = desired(&bucket("ai-data", &spec.to_string()));
        run(async {
            let cloud = world.cloud();
            let rig = Rig::over(&cloud);
            let swept = rig.sweep(&desired).await;
            let (was, is) = (read(&world.cloud(), "tags").value(), read(&cloud, "tags").value());
            for key in &keys {
                check(was.get(key) == is.get(key), || format!("tag `{key}`: {was} -> {is}"))?;
            }
            for ask in cloud.asked() {
                check(!whole.contains(&ask.setting), || format!("`{}` was asked for", ask.setting))?;
            }
            check(!swept.plans[0].last.has_work(), || "work is left".to_owned())?;
            cloud.forget_asked();
            let _ = rig.sweep(&desired).await;
            check(cloud.count("write") == 0, || "the second sweep wrote".to_owned())
        })?;
    }

    /// Law 9.
    #[test]
    fn at_most_so_many_buckets_change_in_one_sweep(
        buckets in 1..30_usize, drifted in 0..30_usize, missing in 0..5_usize,
        least in 0..6_usize, percent in 0..60_u32, gated in any::<bool>(),
    ) {
        run(async {
            let cloud = MemoryCloud::default();
            let mut text = String::new();
            for n in 0..buckets {
                let name = format!("ai-data-{n}");
                let status = if n < drifted { "Suspended" } else { "Enabled" };
                if n >= missing {
                    cloud.put(&id(&name), "us-east-1", &[("versioning", json!({"status": status}))]);
                }
                text.push_str(&bucket(&name, "{versioning: {status: Enabled}}"));
            }
            let mut rig = Rig::over(&cloud);
            rig.limit = FleetLimit { percent: f64::from(percent), least };
            let desired = desired(&text);
            let _ = if gated { rig.gated(&desired).await } else { rig.sweep(&desired).await };
            let changed: BTreeSet<String> = cloud
                .asked()
                .into_iter()
                .filter(|ask| matches!(ask.verb, "write" | "create"))
                .map(|ask| ask.object)
                .collect();
            let limit = least.max(buckets * percent as usize / 100);
            let work = drifted.min(buckets).max(missing.min(buckets));
            let expected = if work <= limit { work } else if gated { 0 } else { limit };
            check(changed.len() == expected, || format!("{} of {work} changed, limit {limit}", changed.len()))
        })?;
    }
}
