//! A plan of Terraform: what it does not know yet. Its `planned_values` leave out what is known only
//! after it was applied, as if nobody had said it; `after_unknown` names that, and `configuration`
//! tells what somebody wrote from what the provider makes up.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::table::{self, Row, Step};
use super::text;

const UNKNOWN: &str = "its value is known only after the plan was applied";

/// What `terraform show -json PLAN` prints beside the planned values.
pub(super) struct Plan<'a> {
    root: &'a Value,
    /// `after_unknown` of each resource.
    unknown: BTreeMap<&'a str, &'a Value>,
    /// Names of the buckets that are planned, by address.
    buckets: BTreeMap<&'a str, &'a str>,
}

impl<'a> Plan<'a> {
    /// Of the whole document.
    pub(super) fn of(root: &'a Value) -> Self {
        let mut plan = Self { root, unknown: BTreeMap::new(), buckets: BTreeMap::new() };
        for change in list(root, "resource_changes").filter(|it| text(it, "deposed").is_empty()) {
            let (address, kind) = (text(change, "address"), text(change, "type"));
            let Some(change) = change.get("change") else { continue };
            plan.unknown.extend(change.get("after_unknown").map(|unknown| (address, unknown)));
            let name = change.get("after").map_or("", |after| text(after, "bucket"));
            if kind == "aws_s3_bucket" && !name.is_empty() {
                plan.buckets.insert(address, name);
            }
        }
        plan
    }

    /// What was not planned, although it was written.
    pub(super) fn missing(&self) -> Vec<(&'a str, &'static str)> {
        let mut all = Vec::new();
        if self.root.get("errored") == Some(&Value::Bool(true)) {
            all.push(("the plan", "it ended with errors: what was not planned stands nowhere in it"));
        }
        for deferred in list(self.root, "deferred_changes").filter_map(|it| it.get("resource_change")) {
            if text(deferred, "mode") == "managed" && text(deferred, "type").starts_with("aws_s3") {
                all.push((text(deferred, "address"), "its change is deferred to a later plan"));
            }
        }
        all
    }

    /// What somebody said of a resource and is not known yet, each with the reason.
    pub(super) fn unknown(&self, address: &str, kind: &str, tables: &[&[Row]]) -> Vec<(String, String)> {
        let Some(unknown) = self.unknown.get(address) else { return Vec::new() };
        let mut leaves = Vec::new();
        gather(unknown, &mut Vec::new(), &mut leaves);
        let configured = self.configured(address);
        // What the provider has in line since 4.0 it fills in by itself, blocks and all.
        let filled = |name: &&&str| unknown.get(**name) == Some(&Value::Bool(true));
        let fills = kind == "aws_s3_bucket" && IN_LINE.iter().filter(filled).count() > 1;
        let asked = |leaf: &&Vec<Step>| {
            if let [Step::Field(first), rest @ ..] = leaf.as_slice()
                && first == "tags_all"
            {
                // They are made of the resource's own and of those of the provider.
                return match rest {
                    [] => self.has_default_tags() && !leaves.iter().any(|leaf| is_own_tag(leaf)),
                    rest => !leaves.iter().any(|leaf| is_own_tag(leaf) && leaf[1..] == *rest),
                };
            }
            let is_block = table::is_block(tables, leaf) && !(fills && leaf.len() == 1);
            configured.as_ref().is_none_or(|(module, resource)| {
                let open = |expression: &Value| self.is_open(module, resource, expression, 0);
                resource.get("expressions").is_none_or(|written| is_written(written, unknown, leaf, is_block, &open))
            })
        };
        let counting = leaves.iter().filter(|leaf| table::counts(tables, leaf)).filter(asked);
        counting.map(|leaf| (table::shown(leaf), UNKNOWN.to_owned())).collect()
    }

    /// The bucket that a resource is for by a reference: in the plan of a new one, its `id` is not known.
    pub(super) fn bucket(&self, address: &str) -> Result<&'a str, &'static str> {
        self.referred(address).ok_or("which bucket it is for is known only after the plan was applied")
    }

    fn referred(&self, address: &str) -> Option<&'a str> {
        let own = segments(address);
        let (module, resource) = own.split_at_checked(own.len().checked_sub(2)?)?;
        if resource[0] == "aws_s3_bucket" {
            return None;
        }
        self.of_resource(module, resource[0], resource[1], 0)
    }

    /// The bucket that a resource of a module is for.
    fn of_resource(&self, module: &[&str], kind: &str, name: &str, depth: usize) -> Option<&'a str> {
        let local = format!("{kind}.{}", unindexed(name));
        let resource = list(self.module(&calls(module))?, "resources").find(|it| text(it, "address") == local)?;
        self.named(module, resource.pointer("/expressions/bucket")?, index(name), depth)
    }

    /// The bucket that an expression in a module names. `key` is that of the instance which the expression
    /// is for. A local has no expression in a plan, so what runs through one is not known.
    fn named(&self, module: &[&str], expression: &Value, key: &str, depth: usize) -> Option<&'a str> {
        let references: Vec<&str> =
            expression.get("references")?.as_array()?.iter().filter_map(Value::as_str).collect();
        // Each comes with all that it is a part of: the longest says all of it.
        let is_part = |it: &str, of: &str| of.strip_prefix(it).is_some_and(|rest| rest.starts_with(['.', '[']));
        let whole = |it: &&str| !references.iter().any(|of| is_part(it, of));
        // What else runs through a loop may name another bucket than that of the same key.
        let is_loop = |it: &str| matches!(it, "each.key" | "count.index");
        let (loops, named): (Vec<&str>, Vec<&str>) =
            references.iter().copied().filter(whole).partition(|it| is_loop(it));
        let key = if loops.is_empty() { "" } else { key };
        let mut found = named.iter().map(|it| self.one(module, &segments(it), key, depth));
        let first = found.next()??;
        // Whatever else it is made of, it could be another name.
        found.all(|it| it == Some(first)).then_some(first)
    }

    /// The bucket that one reference in a module names.
    fn one(&self, module: &[&str], to: &[&str], key: &str, depth: usize) -> Option<&'a str> {
        // Modules in modules; no person nests them so deep.
        if depth > 64 {
            return None;
        }
        match to {
            ["aws_s3_bucket", name] | ["aws_s3_bucket", name, "id" | "bucket"] => {
                let module: String = module.iter().map(|it| format!("{it}.")).collect();
                self.buckets.get(format!("{module}aws_s3_bucket.{name}{key}").as_str()).copied()
            }
            // Their ids are the name of the bucket.
            [kind @ ("aws_s3_bucket_policy" | "aws_s3_bucket_public_access_block"), name, "id" | "bucket"]
                if key.is_empty() =>
            {
                self.of_resource(module, kind, name, depth + 1)
            }
            ["var", variable] => {
                let ([around @ .., _, call], "") = (module, key) else { return None };
                let calls = self.module(&calls(around))?.get("module_calls")?;
                let said = calls.get(unindexed(call))?.get("expressions")?.get(*variable)?;
                self.named(around, said, index(call), depth + 1)
            }
            ["module", call, output] if key.is_empty() => {
                let within = [module, &["module", *call]].concat();
                let said = self.module(&calls(&within))?.get("outputs")?.get(*output)?.get("expression")?;
                self.named(&within, said, "", depth + 1)
            }
            _ => None,
        }
    }

    /// A resource in the configuration, and the names of the modules that it stands in.
    fn configured<'b>(&self, address: &'b str) -> Option<(Vec<&'b str>, &'a Value)> {
        let own = segments(address);
        let (path, resource) = own.split_at_checked(own.len().checked_sub(2)?)?;
        let modules = calls(path);
        let local = format!("{}.{}", resource[0], unindexed(resource[1]));
        let resource = list(self.module(&modules)?, "resources").find(|it| text(it, "address") == local)?;
        Some((modules, resource))
    }

    fn module(&self, names: &[&str]) -> Option<&'a Value> {
        let root = self.root.pointer("/configuration/root_module");
        names.iter().try_fold(root?, |module, name| module.get("module_calls")?.get(name)?.get("module"))
    }

    /// Whether an expression may be one that is not known: variables of the root module always are, so what
    /// is made of them alone and is not known is null, and the provider fills it in. `holder` is the resource
    /// or the call of a module that the expression stands in.
    fn is_open(&self, modules: &[&str], holder: &Value, expression: &Value, depth: usize) -> bool {
        let Some(references) = expression.get("references").and_then(Value::as_array) else {
            return expression.get("constant_value").is_none();
        };
        // Modules in modules; no person nests them so deep.
        depth > 64
            || references.iter().filter_map(Value::as_str).any(|reference| {
                let mut words = reference.split(['.', '[']);
                match (words.next(), words.next(), modules.split_last()) {
                    (Some("path" | "terraform"), _, _) | (Some("var"), _, None) => false,
                    (Some("var"), Some(variable), Some((name, around))) => {
                        let call = self.module(around).and_then(|it| it.get("module_calls")?.get(name));
                        call.is_none_or(|call| {
                            let said = call.get("expressions").and_then(|it| it.get(variable));
                            said.is_some_and(|said| self.is_open(around, call, said, depth + 1))
                        })
                    }
                    (Some("each"), _, _) => {
                        holder.get("for_each_expression").is_none_or(|it| self.is_open(modules, holder, it, depth + 1))
                    }
                    (Some("count"), _, _) => false,
                    _ => true,
                }
            })
    }

    /// Whether a provider adds tags that are made of something.
    fn has_default_tags(&self) -> bool {
        let providers = self.root.pointer("/configuration/provider_config").and_then(Value::as_object);
        let tags = providers.into_iter().flatten().filter_map(|(_, it)| it.pointer("/expressions/default_tags"));
        tags.into_iter().any(|it| it.to_string().contains("\"references\""))
    }
}

/// Blocks that a bucket has in line, and that each have their own resource since 4.0.
const IN_LINE: &[&str] = &["cors_rule", "grant", "lifecycle_rule", "logging", "replication_configuration", "website"];

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The places of what is not known.
fn gather(unknown: &Value, path: &mut Vec<Step>, leaves: &mut Vec<Vec<Step>>) {
    let mut within = |step: Step, inner: &Value| {
        path.push(step);
        gather(inner, path, leaves);
        path.pop();
    };
    match unknown {
        Value::Object(fields) => fields.iter().for_each(|(key, inner)| within(Step::Field(key.clone()), inner)),
        Value::Array(items) => items.iter().enumerate().for_each(|(place, inner)| within(Step::Place(place), inner)),
        Value::Bool(true) => leaves.push(path.clone()),
        _ => {}
    }
}

fn is_own_tag(leaf: &[Step]) -> bool {
    leaf.first() == Some(&Step::Field("tags".to_owned()))
}

/// Whether somebody wrote what stands at a place. What the provider makes up is not written; neither are
/// blocks that are made in a loop (`dynamic`), so what is a block, or stands in one, was written. `open`
/// tells whether an expression may be one that is not known.
fn is_written(written: &Value, unknown: &Value, path: &[Step], is_block: bool, open: &dyn Fn(&Value) -> bool) -> bool {
    let Some((Step::Field(name), rest)) = path.split_first() else { return true };
    let null = Value::Null;
    let unknown = unknown.get(name).unwrap_or(&null);
    match (written.get(name), rest) {
        (None, []) => is_block,
        (None, _) => true,
        (Some(Value::Array(blocks)), [Step::Place(place), rest @ ..]) => {
            // Those that are more than there are written come from a loop.
            let planned = unknown.as_array().map_or(0, Vec::len);
            let inner = unknown.get(*place).unwrap_or(&null);
            planned > blocks.len() || blocks.iter().any(|block| is_written(block, inner, rest, is_block, open))
        }
        (Some(Value::Array(_)), _) => true,
        (Some(expression), _) => open(expression),
    }
}

/// The parts of an address between its dots; those in brackets are part of a key.
fn segments(address: &str) -> Vec<&str> {
    let (mut all, mut start, mut quoted, mut escaped, mut depth) = (Vec::new(), 0, false, false, 0_usize);
    for (at, c) in address.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            '.' if !quoted && depth == 0 => {
                all.push(&address[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(&address[start..]);
    all
}

/// The names of the calls on the way to a module.
fn calls<'a>(module: &[&'a str]) -> Vec<&'a str> {
    module.chunks(2).filter_map(|call| call.get(1)).map(|name| unindexed(name)).collect()
}

/// The key of an instance behind its name, brackets and all.
fn index(name: &str) -> &str {
    &name[unindexed(name).len()..]
}

/// A name without the key of its instance.
fn unindexed(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}
