//! Where one setting of a bucket needs another that nobody asks for, or that somebody asks to be
//! otherwise: S3 would refuse it, so it is told before.

use super::Wish;
use crate::doc::Doc;
use crate::finding::Finding;
use crate::policy::Rule;
use crate::setting::{Hindrance, Overlay};
use crate::settings;
use crate::spec::{Asked, Mode};

/// What S3 would refuse: an error where the documents themselves say so, a warning where it is so
/// unless the bucket has it already.
pub(super) fn of(wish: &Wish) -> Vec<Finding> {
    let mut findings = Vec::new();
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
