//! What the name of a bucket says of its place, held against what its spec says: the namespace,
//! the region, and what a directory bucket cannot have.

use super::document::Reading;
use super::schema::BucketPart;
use super::yaml::Node;
use super::{Asked, Asks};
use crate::bucket::{AccountName, AccountRegional, BucketName, Namespace};
use crate::finding::{Finding, Place};
use crate::setting::OnDirectoryBuckets;
use crate::settings;

impl Reading<'_> {
    /// Tells where a spec contradicts the name of its bucket. None of it can be changed later, so
    /// S3 would refuse the creation, or it would make something else than was meant.
    pub(super) fn placed(&mut self, root: &Node, name: &BucketName, account: Option<&AccountName>, part: &BucketPart) {
        let place = |pointer: &str| {
            let found = root.find(pointer);
            found.exact.then(|| found.node.at.clone())
        };
        let at_name = place("/metadata/name").unwrap_or_else(|| root.at.clone());
        let account = self.account_or_only(account);
        // Names of an account's own, and of its regions, are an idea of AWS alone.
        let own_store = account.as_ref().is_some_and(|account| self.context.own_stores.contains(account));
        if let Some(at) = place("/spec/region")
            && let (Some(said), Some(region)) = (name.region_at(own_store), part.region.as_deref())
            && said.as_str() != region
        {
            let what = match name.zone() {
                Some(zone) => format!("zone `{}` of the bucket's name lies in `{said}`, not in `{region}`", zone.id()),
                None => format!("the bucket's name says `{said}`, not `{region}`"),
            };
            self.fault(&at, what, "correct one of the two; without `region` the name says it");
        }
        if name.is_directory() {
            if let Some(at) = place("/spec/namespace") {
                self.fault(&at, "directory buckets have no `namespace`", "leave it out: their names belong to a zone");
            }
            return;
        }
        if !own_store {
            self.namespace(name, account.as_ref(), part.namespace, &at_name, place("/spec/namespace"));
        }
    }

    /// The account that is named, or the agent's only one.
    fn account_or_only(&self, named: Option<&AccountName>) -> Option<AccountName> {
        named.cloned().or_else(|| {
            let only = self.context.accounts.as_ref().filter(|known| known.len() == 1)?;
            only.keys().next().cloned()
        })
    }

    fn namespace(
        &mut self,
        name: &BucketName,
        account: Option<&AccountName>,
        namespace: Option<Namespace>,
        at_name: &Place,
        at: Option<Place>,
    ) {
        let at = at.unwrap_or_else(|| at_name.clone());
        let id = account.and_then(|account| self.context.ids.get(account));
        match (namespace, name.account_regional()) {
            (Some(Namespace::AccountRegional), None) => self.fault(
                &at,
                "the name does not end as names of the account's own namespace do (S3: InvalidNamespaceHeader)",
                match id {
                    Some(id) => format!("let it end in `-{id}-REGION-an`"),
                    None => "let it end in `-ACCOUNT-REGION-an`, with the account's twelve digits".to_owned(),
                },
            ),
            (Some(Namespace::Global), Some(_)) => self.fault(
                &at,
                "names that end in `-ACCOUNT-REGION-an` are not global (S3: InvalidNamespaceHeader)",
                "leave `namespace` out, or choose another name",
            ),
            (_, Some(said)) => {
                if let Some(id) = id.filter(|id| **id != said.account) {
                    let suffix = AccountRegional::suffix(id, &said.region);
                    let message = format!("the name belongs to account `{}`, and this one is `{id}`", said.account);
                    self.fault(
                        at_name,
                        message,
                        format!("only that account can make it; here names end in `{suffix}`"),
                    );
                }
            }
            (_, None) => {}
        }
    }

    /// Tells what a directory bucket does not have of what its own spec names.
    pub(super) fn on_directory(&mut self, root: &Node, name: &BucketName, asks: &Asks) {
        let spec = root.find("/spec").node;
        for (setting, ask) in asks.iter() {
            let it = settings::named(setting);
            match it.on_directory_buckets() {
                OnDirectoryBuckets::There => {}
                OnDirectoryBuckets::Given => {
                    let value = it.given_on_directory_buckets();
                    self.fault(
                        &ask.at,
                        format!("`{setting}` of the directory bucket `{name}` cannot be set"),
                        format!("leave it out: every directory bucket has {}", value.as_str()),
                    );
                    continue;
                }
                OnDirectoryBuckets::Lacking => {
                    let hint = "leave it out, or use a general purpose bucket";
                    self.fault(&ask.at, format!("directory buckets have no `{setting}`"), hint);
                    continue;
                }
            }
            let (Asked::Value(doc), Some(entry)) = (&ask.what, spec.entry(setting)) else { continue };
            for problem in it.check_on_directory_buckets(doc) {
                let found = entry.node.find(&problem.pointer);
                let place = if problem.pointer.is_empty() { &entry.at } else { found.place() };
                let finding = Finding::error(place.clone(), problem.message);
                self.findings.push(match problem.hint {
                    Some(hint) => finding.hint(hint),
                    None => finding,
                });
            }
        }
    }
}
