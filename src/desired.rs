//! What each bucket shall be: specs, defaults and policies joined bucket by bucket (pure).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::account::ACCOUNT_SETTINGS;
use crate::bucket::{AccountName, BucketId, Namespace, Region};
use crate::finding::{Finding, Place};
use crate::policy::Policy;
use crate::setting::OnDirectoryBuckets;
use crate::settings;
use crate::source::{Commits, Revision};
use crate::spec::select::{CompiledSelector, Facts};
use crate::spec::{
    AccountSpec, ApprovalSpec, Asked, BucketSpec, DefaultsSpec, ExemptionSpec, IgnorePath, Mode, PolicySpec, Specs,
    Suspend,
};
use crate::verdict::SPEC;

mod disagreements;
mod hindrances;

/// What is wanted of one setting, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The setting.
    pub setting: &'static str,
    /// What it shall be.
    pub asked: Asked,
    /// Where it is written.
    pub at: Place,
}

/// A policy that applies to a bucket.
#[derive(Debug, Clone)]
pub struct PolicyUse {
    /// The policy.
    pub policy: Arc<Policy>,
    /// The exemptions that name it and this bucket; each counts until it expires.
    pub exemptions: Arc<[Arc<ExemptionSpec>]>,
}

/// One bucket as it shall be.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The bucket.
    pub id: BucketId,
    /// The region that its spec names, or its name, or its defaults, or its account.
    pub region: Region,
    /// Where its spec begins; `None` for a bucket that no spec declares.
    pub at: Option<Place>,
    /// Whether differences are repaired: the agent's mode and the bucket's.
    pub mode: Mode,
    /// A pause of writing, until it ends.
    pub suspend: Option<Suspend>,
    /// Paths that are neither compared nor written for the spec's sake.
    pub ignore: Arc<[IgnorePath]>,
    /// The namespace to make it in: what the spec says, or else the name. S3 makes it in the global
    /// one when nothing is said.
    pub namespace: Option<Namespace>,
    /// What the spec and its defaults want, in the order of the table of settings.
    pub wants: Arc<[Want]>,
    /// The policies that apply, by name.
    pub policies: Arc<[PolicyUse]>,
    /// Labels of the spec.
    pub labels: Arc<BTreeMap<String, String>>,
    /// The spec's newest form is at fault, and this is its last good one.
    pub frozen: bool,
}

/// What the agent's own configuration decides about every bucket.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The mode of the whole agent.
    pub mode: Mode,
    /// The accounts by name, each with the region for buckets that name none. The first is the
    /// account of buckets that name none.
    pub accounts: Vec<(AccountName, Region)>,
    /// Whether buckets that no spec declares are judged by the policies; never written.
    pub undeclared: bool,
    /// Whether the regions of the accounts are a guess.
    pub guessed: bool,
    /// The accounts on stores of one's own, whose rules are not those of AWS.
    pub own_stores: BTreeSet<AccountName>,
}

impl Agent {
    /// An agent that has every account that the specs name: for checking them without a
    /// configuration.
    pub fn of_any_account(specs: &Specs) -> Self {
        let named = specs.buckets.iter().filter_map(|bucket| bucket.account.clone());
        let named = named.chain(specs.accounts.iter().map(|account| account.name.clone()));
        let mut accounts: Vec<AccountName> = std::iter::once(AccountName::default()).chain(named).collect();
        accounts.sort();
        accounts.dedup();
        accounts.sort_by_key(|account| *account != AccountName::default());
        let accounts = accounts.into_iter().map(|account| (account, Region::us_east_1())).collect();
        Self { mode: Mode::Enforce, accounts, undeclared: false, guessed: true, own_stores: BTreeSet::new() }
    }
}

/// What is asked, in one line.
pub fn said(asked: &Asked) -> String {
    match asked {
        Asked::Value(doc) => doc.as_str().to_owned(),
        Asked::Absent => "absent".to_owned(),
    }
}

/// What every bucket shall be.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The buckets that specs declare, and the accounts whose own settings they declare.
    pub buckets: BTreeMap<BucketId, Arc<Wish>>,
    /// The approvals.
    pub approvals: Vec<ApprovalSpec>,
    /// The revision that says so, where there is one.
    pub revision: Option<Arc<Revision>>,
    /// The commits that lead to it from the revision of the sweep before, where there was one.
    pub commits: Option<Arc<Commits>>,
    resolver: Option<Arc<Resolver>>,
}

#[derive(Debug)]
struct Resolver {
    agent: Agent,
    policies: Vec<(Arc<Policy>, CompiledSelector)>,
    exemptions: Vec<(Arc<ExemptionSpec>, CompiledSelector)>,
}

/// Joins everything. The findings are those that only show when documents meet.
pub fn resolve(specs: &Specs, agent: &Agent) -> (Desired, Vec<Finding>) {
    let mut findings = Vec::new();
    let policies = specs
        .policies
        .iter()
        .filter_map(|spec: &PolicySpec| match Policy::compile(spec) {
            Ok(policy) => Some((Arc::new(policy), CompiledSelector::new(&spec.selector))),
            Err(faults) => {
                findings.extend(faults);
                None
            }
        })
        .collect();
    let exemptions = specs
        .exemptions
        .iter()
        .map(|spec| (Arc::new(spec.clone()), CompiledSelector::of_names(&spec.buckets)))
        .collect();
    let resolver = Resolver { agent: agent.clone(), policies, exemptions };
    let defaults: Vec<_> = specs.defaults.iter().map(|spec| (spec, CompiledSelector::new(&spec.selector))).collect();

    let mut shared = Shared::default();
    let mut buckets = BTreeMap::new();
    for spec in &specs.buckets {
        let Some((account, region)) = resolver.account_of(spec.account.as_ref()) else {
            let named = spec.account.as_ref().map(ToString::to_string).unwrap_or_default();
            findings.push(
                Finding::error(spec.at.clone(), format!("account `{named}` is not one of the agent's accounts"))
                    .hint(format!("accounts: {}", resolver.account_names())),
            );
            continue;
        };
        let id = BucketId { account, name: spec.name.clone() };
        let wish = resolver.wish(spec, &id, &region, &defaults, specs.frozen.contains(&id), &mut shared);
        disagreements::of_spec(&wish, &mut shared, &mut findings);
        disagreements::of_policies(&wish, &mut shared, &mut findings);
        findings.extend(hindrances::of(&wish, spec, agent));
        buckets.insert(id, Arc::new(wish));
    }
    for spec in &specs.accounts {
        let Some((account, region)) = resolver.account_of(Some(&spec.name)) else {
            let message = format!("account `{}` is not one of the agent's accounts", spec.name);
            let finding = Finding::error(spec.at.clone(), message);
            findings.push(finding.hint(format!("accounts: {}", resolver.account_names())));
            continue;
        };
        let frozen = specs.frozen_accounts.contains(&spec.name);
        let wish = resolver.account(spec, BucketId::of_account(account), region, frozen);
        buckets.insert(wish.id.clone(), Arc::new(wish));
    }
    findings.sort();
    findings.dedup();
    let (approvals, resolver) = (specs.approvals.clone(), Some(Arc::new(resolver)));
    (Desired { buckets, approvals, revision: None, commits: None, resolver }, findings)
}

impl Wish {
    /// The tags that its spec asks for.
    pub fn tags(&self) -> BTreeMap<String, String> {
        let asked = self.wants.iter().find(|want| want.setting == "tags").map(|want| &want.asked);
        match asked {
            Some(Asked::Value(doc)) => doc.parse::<BTreeMap<String, String>>().unwrap_or_default(),
            Some(Asked::Absent) | None => BTreeMap::new(),
        }
    }

    /// Whether another wish for the same bucket asks for something else: of a setting, or by a policy.
    pub fn asks_otherwise(&self, before: &Self, policy: &str, setting: &str) -> bool {
        if policy == SPEC {
            let of = |wish: &Self| wish.wants.iter().find(|it| it.setting == setting).map(|it| it.asked.clone());
            return of(self) != of(before);
        }
        let of = |wish: &'_ Self| wish.policies.iter().find(|it| *it.policy.name == *policy).cloned();
        match (of(self), of(before)) {
            (Some(now), Some(then)) => {
                // Where it stands in its file is no matter, and an exemption that ended by itself is in both.
                let text = |it: &PolicyUse| it.policy.written.iter().map(|it| it.text.clone()).collect::<Vec<_>>();
                let until =
                    |it: &PolicyUse| it.exemptions.iter().map(|it| (it.name.clone(), it.expires)).collect::<Vec<_>>();
                text(&now) != text(&then)
                    || now.policy.parameters != then.policy.parameters
                    || until(&now) != until(&then)
            }
            (now, then) => now.is_some() != then.is_some(),
        }
    }
}

impl Desired {
    /// How a live bucket that no spec declares is judged: by the policies, observed only.
    /// `None` when the agent leaves such buckets alone.
    pub fn undeclared(&self, id: &BucketId, region: &Region) -> Option<Wish> {
        let resolver = self.resolver.as_ref().filter(|resolver| resolver.agent.undeclared)?;
        let labels = BTreeMap::new();
        let facts = Facts { name: &id.name, account: &id.account, region, labels: &labels, tags: &BTreeMap::new() };
        Some(Wish {
            id: id.clone(),
            region: region.clone(),
            at: None,
            mode: Mode::Observe,
            suspend: None,
            ignore: Arc::new([]),
            namespace: None,
            wants: Arc::new([]),
            policies: resolver.policies_for(&facts).into(),
            labels: Arc::new(labels),
            frozen: false,
        })
    }

    /// The agent's accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountName> {
        self.resolver.iter().flat_map(|resolver| resolver.agent.accounts.iter().map(|(name, _)| name))
    }

    /// The region of an account's buckets that name none.
    pub fn region_of(&self, account: &AccountName) -> Region {
        let known = self.resolver.iter().flat_map(|resolver| &resolver.agent.accounts);
        known.into_iter().find(|(name, _)| name == account).map_or_else(Region::us_east_1, |(_, region)| region.clone())
    }

    /// Whether buckets without a spec are judged.
    pub fn judges_undeclared(&self) -> bool {
        self.resolver.as_ref().is_some_and(|resolver| resolver.agent.undeclared)
    }

    /// The exemptions, in the order of the files.
    pub fn exemptions(&self) -> impl Iterator<Item = &Arc<ExemptionSpec>> {
        self.resolver.iter().flat_map(|resolver| resolver.exemptions.iter().map(|(exemption, _)| exemption))
    }

    /// The policies that are in force, by name.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.resolver.iter().flat_map(|resolver| resolver.policies.iter().map(|(policy, _)| policy))
    }
}

/// What buckets of one kind share, so that ten thousand alike cost little more than their names.
#[derive(Default)]
struct Shared {
    policies: HashMap<Vec<*const Policy>, Vec<Arc<[PolicyUse]>>>,
    agreed: HashMap<(&'static str, Asked, *const Policy), Option<Disagreement>>,
    met: HashSet<(*const Policy, *const Policy)>,
}

type Disagreement = Vec<(String, String, String)>;

impl Resolver {
    fn account_of(&self, named: Option<&AccountName>) -> Option<(AccountName, Region)> {
        match named {
            None => self.agent.accounts.first().cloned(),
            Some(name) => self.agent.accounts.iter().find(|(known, _)| known == name).cloned(),
        }
    }

    fn account_names(&self) -> String {
        let names: Vec<_> = self.agent.accounts.iter().map(|(name, _)| format!("`{name}`")).collect();
        names.join(", ")
    }

    fn wish(
        &self,
        spec: &BucketSpec,
        id: &BucketId,
        account_region: &Region,
        defaults: &[(&DefaultsSpec, CompiledSelector)],
        frozen: bool,
        shared: &mut Shared,
    ) -> Wish {
        let none = BTreeMap::new();
        // A name that says its region cannot be one of another, whatever defaults are for many.
        let own_store = self.agent.own_stores.contains(&id.account);
        let own_region = spec.region.clone().or_else(|| spec.name.region_at(own_store));
        let first_region = own_region.clone().unwrap_or_else(|| account_region.clone());
        let before = Facts {
            name: &id.name,
            account: &id.account,
            region: &first_region,
            labels: &spec.labels,
            tags: &tags_of(&spec.settings, &none),
        };
        let defaults: Vec<&DefaultsSpec> =
            defaults.iter().filter(|(_, selector)| selector.matches(&before)).map(|(spec, _)| *spec).collect();
        let region = own_region
            .or_else(|| defaults.iter().find_map(|defaults| defaults.region.clone()))
            .unwrap_or_else(|| account_region.clone());
        let mode = spec.mode.or_else(|| defaults.iter().find_map(|defaults| defaults.mode)).unwrap_or_default();
        let mut ignore: Vec<IgnorePath> = spec.ignore.clone();
        ignore.extend(defaults.iter().flat_map(|defaults| defaults.ignore.iter().cloned()));

        let mut wants = Vec::new();
        for setting in settings::SETTINGS {
            let name = setting.name();
            // Defaults are for many; what a directory bucket cannot have is not meant for it.
            if id.name.is_directory() && setting.on_directory_buckets() != OnDirectoryBuckets::There {
                continue;
            }
            // A bucket's own word is overlaid on that of its defaults, field by field.
            let asks =
                defaults.iter().filter_map(|defaults| defaults.settings.get(name)).chain(spec.settings.get(name));
            let joined = asks.fold(None::<Want>, |below, ask| {
                let asked = match (below.as_ref().map(|want| &want.asked), &ask.what) {
                    (Some(Asked::Value(below)), Asked::Value(above)) => Asked::Value(setting.join(below, above)),
                    (_, asked) => asked.clone(),
                };
                Some(Want { setting: name, asked, at: ask.at.clone() })
            });
            wants.extend(joined);
        }
        let wanted_tags = wants
            .iter()
            .find(|want| want.setting == "tags")
            .and_then(|want| match &want.asked {
                Asked::Value(doc) => doc.parse::<BTreeMap<String, String>>().ok(),
                Asked::Absent => None,
            })
            .unwrap_or_default();
        let facts = Facts { region: &region, tags: &wanted_tags, ..before };
        Wish {
            id: id.clone(),
            at: Some(spec.at.clone()),
            mode: self.agent.mode.and(mode),
            suspend: spec.suspend.clone(),
            ignore: ignore.into(),
            namespace: spec
                .namespace
                .or_else(|| spec.name.account_regional().filter(|_| !own_store).map(|_| Namespace::AccountRegional)),
            wants: wants.into(),
            policies: shared.intern(self.policies_for(&facts)),
            labels: spec.labels.clone(),
            frozen,
            region,
        }
    }

    /// An account's own settings. Policies are about buckets: none applies.
    fn account(&self, spec: &AccountSpec, id: BucketId, region: Region, frozen: bool) -> Wish {
        let said = ACCOUNT_SETTINGS.iter().filter_map(|setting| {
            let ask = spec.settings.get(setting.name)?;
            Some(Want { setting: setting.name, asked: ask.what.clone(), at: ask.at.clone() })
        });
        Wish {
            id,
            region,
            at: Some(spec.at.clone()),
            mode: self.agent.mode.and(spec.mode.unwrap_or_default()),
            suspend: spec.suspend.clone(),
            ignore: Arc::new([]),
            namespace: None,
            wants: said.collect(),
            policies: Arc::new([]),
            labels: Arc::clone(&spec.labels),
            frozen,
        }
    }

    fn policies_for(&self, facts: &Facts<'_>) -> Vec<PolicyUse> {
        let mut uses: Vec<PolicyUse> = self
            .policies
            .iter()
            .filter(|(_, selector)| selector.matches(facts))
            .map(|(policy, _)| PolicyUse {
                policy: Arc::clone(policy),
                exemptions: self
                    .exemptions
                    .iter()
                    .filter(|(exemption, selector)| exemption.policy == policy.name && selector.matches(facts))
                    .map(|(exemption, _)| Arc::clone(exemption))
                    .collect(),
            })
            .collect();
        uses.sort_by(|a, b| a.policy.name.cmp(&b.policy.name));
        uses
    }
}

impl Shared {
    fn intern(&mut self, uses: Vec<PolicyUse>) -> Arc<[PolicyUse]> {
        let key: Vec<*const Policy> = uses.iter().map(|it| Arc::as_ptr(&it.policy)).collect();
        let same = |known: &Arc<[PolicyUse]>| {
            known.iter().zip(&uses).all(|(known, new)| {
                known.exemptions.len() == new.exemptions.len()
                    && known.exemptions.iter().zip(&*new.exemptions).all(|(a, b)| Arc::ptr_eq(a, b))
            })
        };
        let known = self.policies.entry(key).or_default();
        if let Some(shared) = known.iter().find(|known| same(known)) {
            return Arc::clone(shared);
        }
        let shared: Arc<[PolicyUse]> = uses.into();
        known.push(Arc::clone(&shared));
        shared
    }
}

fn tags_of(asks: &crate::spec::Asks, none: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    match asks.get("tags").map(|ask| &ask.what) {
        Some(Asked::Value(doc)) => doc.parse().unwrap_or_default(),
        _ => none.clone(),
    }
}
