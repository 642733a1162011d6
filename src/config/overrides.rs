//! Fields of the configuration that are set from outside its file: by variables and by flags.

use serde_json::Value;

use crate::finding::{Finding, Place, did_you_mean};
use crate::spec::yaml::{self, Node, Tree};

/// The beginning of the names of environment variables that set a field.
pub const ENVIRONMENT: &str = "DRIFTLESS_";

/// One field set from outside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Field names from the outside in; elements of a list by their number from 0.
    pub path: Vec<String>,
    /// The value, read as YAML.
    pub value: String,
    /// Where it comes from, for findings.
    pub from: String,
}

impl Override {
    /// From a flag: `source.git.branch=release`.
    ///
    /// # Errors
    /// When there is no `=`.
    pub fn from_flag(text: &str) -> Result<Self, String> {
        let (path, value) =
            text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`: write `field.field=value`"))?;
        Ok(Self {
            path: path.split('.').map(str::to_owned).collect(),
            value: value.to_owned(),
            from: format!("--set {path}"),
        })
    }

    /// From the environment: `DRIFTLESS_SOURCE__GIT__BRANCH=release`. Two underscores part the
    /// fields; one stands for a capital letter (`DATA_DIR` is `dataDir`).
    ///
    /// Not every variable that begins so is one of ours: the commands have some of their own, and
    /// Kubernetes sets `DRIFTLESS_PORT` and more in every pod beside a service `driftless`. Those
    /// are passed over. What looks like a field and is none comes along, so that it is a finding.
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Vec<Self> {
        let known = fields();
        let mut found: Vec<Self> = variables
            .into_iter()
            .filter_map(|(name, value)| {
                let fields = name.strip_prefix(ENVIRONMENT)?;
                let path: Vec<String> = fields.split("__").map(camel).collect();
                let field = path.first()?;
                let meant = || {
                    let begins =
                        |known: &String| fields.to_lowercase().starts_with(&format!("{}_", known.to_lowercase()));
                    path.len() > 1
                        || did_you_mean(field, known.iter().map(String::as_str)).is_some()
                        || known.iter().any(begins)
                };
                let is_ours =
                    known.contains(field) || !(OF_COMMANDS.contains(&&*name) || of_kubernetes(fields)) && meant();
                is_ours.then_some(Self { path, value, from: name })
            })
            .collect();
        found.sort_by(|a, b| a.from.cmp(&b.from));
        found
    }
}

/// Variables that commands read, and that are no fields of the configuration.
const OF_COMMANDS: [&str; 3] = ["DRIFTLESS_CONFIG", "DRIFTLESS_ADDRESS", "DRIFTLESS_SANDBOX_LISTEN"];

/// Whether Kubernetes sets a variable that ends so for a service whose name begins with
/// `driftless`: the addresses that its documentation calls Docker links.
fn of_kubernetes(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let port = |at: usize| {
        let number = parts.get(at + 1).is_none_or(|it| it.chars().all(|c| c.is_ascii_digit()));
        parts[at] == "PORT" && number
    };
    let service = |at: usize| parts[at] == "SERVICE" && matches!(parts.get(at + 1), Some(&("HOST" | "PORT")));
    (0..parts.len()).any(|at| port(at) || service(at))
}

/// The outermost fields of the configuration.
fn fields() -> Vec<String> {
    super::schema()["properties"].as_object().into_iter().flat_map(|it| it.keys().cloned()).collect()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_').map(str::to_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let capital = letters.next().map(|c| c.to_ascii_uppercase()).into_iter().collect::<String>();
        name + &capital + letters.as_str()
    })
}

impl Override {
    /// The variable that was meant, when one underscore stands where two part the fields.
    fn underscores(&self) -> Option<String> {
        let name = self.from.strip_prefix(ENVIRONMENT).filter(|name| self.path.len() == 1 && name.contains('_'))?;
        let known = fields();
        if self.path.first().is_some_and(|field| known.contains(field)) {
            return None;
        }
        let (field, rest) = name.split_once('_')?;
        known.contains(&camel(field)).then(|| format!("{ENVIRONMENT}{field}__{rest}"))
    }

    /// The value as a node of the document. Where the schema wants text the value is taken as it
    /// is, so that neither `* * * * *` nor `123456789012` needs quotes; elsewhere it is YAML.
    ///
    /// # Errors
    /// What is wrong with the name or the value.
    pub(super) fn node(&self, schema: &Value) -> Result<Node, Vec<Finding>> {
        let place = |_, _| Place { file: self.from.as_str().into(), line: 1, column: 1 };
        if let Some(right) = self.underscores() {
            let unknown = format!("unknown field `{}`", self.path.join("."));
            return Err(vec![
                Finding::error(place(1, 1), unknown).hint(format!("two underscores part the fields: {right}")),
            ]);
        }
        if matches!(self.value.as_str(), "" | "null" | "~") {
            return Ok(Node { at: place(1, 1), tree: Tree::Plain(Value::Null, "null".into()) });
        }
        let quoted = self.value.starts_with(['"', '\'']);
        let text = if !quoted && wants_text(schema, &self.path) {
            serde_json::to_string(&self.value).expect("text is JSON")
        } else {
            self.value.clone()
        };
        let parsed = yaml::parse(&text, &place);
        if parsed.findings.is_empty() {
            Ok(parsed.documents.into_iter().next().unwrap_or_else(|| Node::empty(place(1, 1))))
        } else {
            Err(parsed.findings)
        }
    }
}

/// Whether a field takes text and nothing else, but for `null`.
fn wants_text(schema: &Value, path: &[String]) -> bool {
    let mut at = vec![schema];
    for step in path {
        at = shapes(schema, &at)
            .into_iter()
            .filter_map(|shape| match step.parse::<usize>() {
                Ok(_) => shape.get("items"),
                Err(_) => shape.get("properties")?.get(step),
            })
            .collect();
    }
    let types = |shape: &Value| -> Vec<String> {
        match &shape["type"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(several) => several.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
            _ if shape["const"].is_string() || shape["enum"][0].is_string() => vec!["string".to_owned()],
            _ => vec![],
        }
    };
    let all: Vec<String> = shapes(schema, &at).into_iter().flat_map(types).collect();
    all.iter().any(|it| it == "string") && all.iter().all(|it| it == "string" || it == "null")
}

/// The shapes behind references and alternatives.
fn shapes<'a>(root: &'a Value, from: &[&'a Value]) -> Vec<&'a Value> {
    let mut found = Vec::new();
    let mut left: Vec<&Value> = from.to_vec();
    while let Some(shape) = left.pop() {
        if let Some(target) = shape["$ref"].as_str().and_then(|it| root.pointer(it.strip_prefix('#')?)) {
            left.push(target);
        }
        for word in ["anyOf", "oneOf", "allOf"] {
            left.extend(shape[word].as_array().into_iter().flatten());
        }
        found.push(shape);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<Override> {
        Override::from_environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_variable_names_a_field_by_its_path() {
        let found =
            of(&[("DRIFTLESS_SOURCE__GIT__TOKEN_FILE", "/t"), ("DRIFTLESS_ACCOUNTS__0__ID", "1"), ("PATH", "/")]);
        let paths: Vec<String> = found.iter().map(|it| it.path.join(".")).collect();
        assert_eq!(paths, ["accounts.0.id", "source.git.tokenFile"]);
    }

    #[test]
    fn text_needs_no_quotes_and_everything_else_is_yaml() {
        let schema = super::super::schema();
        let text = |path: &str| wants_text(&schema, &path.split('.').map(str::to_owned).collect::<Vec<_>>());
        for path in
            ["schedule.cron", "accounts.0.id", "accounts.0.name", "source.git.branch", "mode", "dataDir", "log.format"]
        {
            assert!(text(path), "{path}");
        }
        for path in ["accounts", "accounts.0.pathStyle", "limits.concurrency", "policies.builtin", "source", "nothing"]
        {
            assert!(!text(path), "{path}");
        }
    }

    #[test]
    fn elements_of_a_list_need_no_list_in_the_file() {
        let variables = of(&[
            ("DRIFTLESS_SOURCE__DIR", "specs"),
            ("DRIFTLESS_ACCOUNTS__0__ID", "012345678901"),
            ("DRIFTLESS_ACCOUNTS__1__NAME", "prod"),
            ("DRIFTLESS_SCHEDULE__CRON", "*/5 * * * *"),
        ]);
        let config = super::super::parse("driftless.yaml", "", &variables).expect("is good");
        assert_eq!(config.accounts[0].id.as_ref().map(ToString::to_string).as_deref(), Some("012345678901"));
        assert_eq!((config.accounts[1].name.as_str(), config.schedule.cron.as_str()), ("prod", "*/5 * * * *"));
    }

    #[test]
    fn nothing_takes_a_field_of_the_file_back() {
        let null = Override::from_flag("source.git.branch=null").expect("a field");
        let file = "source: {git: {url: /specs, branch: next, tag: v1}}";
        let config = super::super::parse("driftless.yaml", file, &[null]).expect("is good");
        assert_eq!(config.source.git.and_then(|git| git.branch), None);
    }

    #[test]
    fn whoever_forgets_an_underscore_is_told() {
        let [it] = &of(&[("DRIFTLESS_HTTP_LISTEN", "[::]:80")])[..] else { panic!("one") };
        let faults = it.node(&super::super::schema()).expect_err("a fault");
        assert_eq!(
            faults[0].to_string(),
            "DRIFTLESS_HTTP_LISTEN:1:1: unknown field `httpListen`\n\
             hint: two underscores part the fields: DRIFTLESS_HTTP__LISTEN"
        );
    }
}
