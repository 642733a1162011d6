//! What S3 would refuse and only the documents together show, so it is told before: a setting needs
//! another that nobody asks for, or that somebody asks to be otherwise; what several documents ask of it
//! is too much in all; or what it names does not go with the bucket's name, or with the region that its
//! defaults or its account say.

use super::{Agent, Wish};
use crate::bucket::Region;
use crate::doc::Doc;
use crate::finding::Finding;
use crate::policy::Rule;
use crate::setting::{AnySetting, Beside, Hindrance, Overlay, Problem};
use crate::settings;
use crate::spec::{Asked, BucketSpec, Mode};

/// What is known of the place of a bucket.
struct At<'a> {
    spec: &'a BucketSpec,
    /// Whether nobody said the regions of accounts.
    guessed: bool,
    /// Whether its account is on a store of one's own.
    own_store: bool,
}

/// What S3 would refuse: an error where the documents themselves say so, a warning where it is so
/// unless the bucket has it already.
pub(super) fn of(wish: &Wish, spec: &BucketSpec, agent: &Agent) -> Vec<Finding> {
    let at = At { spec, guessed: agent.guessed, own_store: agent.own_stores.contains(&wish.id.account) };
    let mut findings = Vec::new();
    for want in wish.wants.iter() {
        let setting = settings::named(want.setting);
        let Some(to) = whole(wish, want.setting).filter(|to| *to != setting.default_doc()) else { continue };
        let problems = together(wish, &at, setting, &to);
        let refused = problems.iter().any(Problem::is_error);
        findings.extend(problems.into_iter().map(|mut problem| {
            let it = format!("`{}{}` of `{}`", want.setting, problem.pointer, spec.name);
            problem.message = format!("{it}: {}", problem.message);
            problem.finding(want.at.clone())
        }));
        if !refused {
            findings.extend(hindrance(wish, &at, setting, &to).map(|(Hindrance { why, advice }, sure)| {
                let finding = if sure {
                    Finding::error(want.at.clone(), format!("`{}` would be refused: {why}", want.setting))
                } else {
                    Finding::warning(want.at.clone(), format!("nobody asks for what `{}` needs: {why}", want.setting))
                };
                finding.hint(advice)
            }));
        }
    }
    findings
}

/// What hinders a whole value, and whether the documents say so themselves: what they leave out the
/// bucket may have already.
fn hindrance(wish: &Wish, at: &At<'_>, setting: &dyn AnySetting, to: &Doc) -> Option<(Hindrance, bool)> {
    if let Some(incomplete) = setting.hindrance(to, &|_| None) {
        return Some((incomplete, false));
    }
    let near = || setting.after().iter().chain(setting.beside());
    let asked = |name: &str| near().find(|it| **it == name).and_then(|it| whole(wish, it));
    if let Some(hindrance) = setting.hindrance(to, &asked) {
        // Of two settings that hinder each other it is told of the one that is written later, and so once.
        let later = wish.wants.iter().any(|it| {
            setting.beside().contains(&it.setting) && settings::named(it.setting).after().contains(&setting.name())
        });
        return (!later).then_some((hindrance, true));
    }
    // A new bucket of a store of one's own is not as one of AWS.
    let of_aws = wish.region.is_of_aws() && !at.own_store;
    let made = |it: &'static dyn AnySetting| if of_aws { it.fresh_doc() } else { it.default_doc() };
    let or_new =
        |name: &str| asked(name).or_else(|| near().find(|it| **it == name).map(|it| made(settings::named(it))));
    setting.hindrance(to, &or_new).map(|hindrance| (hindrance, false))
}

/// What is wrong with all that is asked of a setting, but for what the bucket's own document was told
/// of.
fn together(wish: &Wish, at: &At<'_>, setting: &dyn AnySetting, to: &Doc) -> Vec<Problem> {
    let At { spec, guessed, own_store } = *at;
    let said = spec.region.is_some() || spec.name.region().is_some() || wish.region != Region::us_east_1();
    let bucket = Some(spec.name.clone());
    let here = Beside { bucket: bucket.clone(), region: (said || !guessed).then(|| wish.region.clone()), own_store };
    let alone = Beside { bucket, region: spec.region.clone(), own_store };
    let own = spec.settings.get(setting.name()).map(|ask| match &ask.what {
        Asked::Value(doc) => problems(setting, doc, &alone),
        Asked::Absent => Vec::new(),
    });
    let told = |it: &Problem| own.iter().flatten().any(|own| own.message == it.message);
    problems(setting, to, &here).into_iter().filter(|it| !told(it)).collect()
}

fn problems(setting: &dyn AnySetting, doc: &Doc, beside: &Beside) -> Vec<Problem> {
    setting.check(doc).into_iter().chain(setting.check_beside(doc, beside)).collect()
}

/// What spec and enforced policies make of a setting of which S3 holds nothing; `None` when nobody
/// names it.
fn whole(wish: &Wish, name: &'static str) -> Option<Doc> {
    let setting = settings::named(name);
    let overlaid = |below: &Doc, asked: &Asked, how| match asked {
        Asked::Value(doc) => setting.merge(below, doc, how),
        Asked::Absent => setting.default_doc(),
    };
    let want = wish.wants.iter().find(|want| want.setting == name);
    let by_spec = want.map(|want| overlaid(&setting.default_doc(), &want.asked, Overlay::Whole));
    // An expression that holds asks for nothing; one that would not is answered by its repair.
    let enforced = wish.policies.iter().filter(|use_| use_.policy.mode == Mode::Enforce && use_.exemptions.is_empty());
    enforced.fold(by_spec, |below, use_| {
        let (Rule::Require(demands) | Rule::Assert(_, demands)) = &use_.policy.rule;
        let mine = demands.iter().filter(|demand| demand.setting == name);
        mine.fold(below, |below, demand| {
            let below = below.unwrap_or_else(|| setting.default_doc());
            Some(overlaid(&below, &demand.asked, Overlay::Within))
        })
    })
}
