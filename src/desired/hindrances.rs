//! What S3 would refuse and only the documents together show, so it is told before: a setting needs
//! another that nobody asks for, or that somebody asks to be otherwise; or what it names is in another
//! region than the bucket, whose region its defaults or its account say.

use super::Wish;
use crate::bucket::Region;
use crate::doc::Doc;
use crate::finding::Finding;
use crate::policy::Rule;
use crate::setting::{Beside, Hindrance, Overlay, Problem};
use crate::settings;
use crate::spec::{Asked, BucketSpec, Mode};

/// What S3 would refuse: an error where the documents themselves say so, a warning where it is so
/// unless the bucket has it already.
pub(super) fn of(wish: &Wish, spec: &BucketSpec, guessed: bool) -> Vec<Finding> {
    let mut findings = beside(wish, spec, guessed);
    for want in wish.wants.iter() {
        let setting = settings::named(want.setting);
        // Told of what is written later, and so once.
        let (Some(to), [_, ..]) = (whole(wish, want.setting), setting.after()) else { continue };
        let asked = |name: &str| setting.after().iter().find(|it| **it == name).and_then(|it| whole(wish, it));
        let told = |Hindrance { why, advice }: Hindrance, message: String, error: bool| {
            let make = if error { Finding::error } else { Finding::warning };
            make(want.at.clone(), format!("{message}: {why}")).hint(advice)
        };
        if let Some(hindrance) = setting.hindrance(&to, &asked) {
            findings.push(told(hindrance, format!("`{}` would be refused", want.setting), true));
            continue;
        }
        let or_nothing = |name: &str| asked(name).or_else(|| settings::find(name).map(|it| it.default_doc()));
        if let Some(hindrance) = setting.hindrance(&to, &or_nothing) {
            let message = format!("nobody asks for what `{}` needs", want.setting);
            findings.push(told(hindrance, message, false));
        }
    }
    findings
}

/// What does not go with the bucket's name or region, but for what its own document was told of.
/// `guessed` is whether nobody said the regions of accounts.
fn beside(wish: &Wish, spec: &BucketSpec, guessed: bool) -> Vec<Finding> {
    let said = spec.region.is_some() || spec.name.region().is_some() || wish.region != Region::us_east_1();
    // A store of one's own calls its regions as it likes, and the resources beside it too.
    let of_aws = wish.region.as_str().split('-').count() > 2;
    let known = of_aws && (said || !guessed);
    let here = Beside { bucket: Some(spec.name.clone()), region: known.then(|| wish.region.clone()) };
    let alone = Beside { bucket: Some(spec.name.clone()), region: spec.region.clone() };
    let problems = |name: &'static str, asked: &Asked, beside: &Beside| match asked {
        Asked::Value(doc) => settings::named(name).check_beside(doc, beside),
        Asked::Absent => Vec::new(),
    };
    let mut findings = Vec::new();
    for want in wish.wants.iter() {
        let own = spec.settings.get(want.setting).map(|ask| problems(want.setting, &ask.what, &alone));
        let told = |it: &Problem| own.iter().flatten().any(|own| own.message == it.message);
        for problem in problems(want.setting, &want.asked, &here).into_iter().filter(|it| !told(it)) {
            let message = format!("`{}{}` of `{}`: {}", want.setting, problem.pointer, spec.name, problem.message);
            let finding = Finding::error(want.at.clone(), message);
            findings.push(match problem.hint {
                Some(hint) => finding.hint(hint),
                None => finding,
            });
        }
    }
    findings
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
