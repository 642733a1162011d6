use super::check::check;
use super::*;
use crate::setting::Problem;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct One {
    id: String,
    absent: Option<bool>,
    days: u8,
}

impl Element for One {
    fn id(&self) -> &str {
        &self.id
    }
    fn absent(&self) -> Option<bool> {
        self.absent
    }
    fn removal(id: &str) -> Self {
        Self { id: id.to_owned(), absent: Some(true), days: 0 }
    }
    fn canonical(self) -> Self {
        self
    }
}

fn one(id: &str, days: u8) -> One {
    One { id: id.to_owned(), absent: None, days }
}

#[test]
fn who_names_an_id_decides_about_it_and_every_other_stays() {
    let live = Some(vec![one("a", 1), one("theirs", 9), one("old", 3)]);
    let want = Some(vec![one("b", 2), one("a", 7), One::removal("old"), One::removal("never-there")]);
    let to = canonical(merge(live.as_ref(), want.as_ref()));
    assert_eq!(to, Some(vec![one("a", 7), one("b", 2), one("theirs", 9)]));
    assert_eq!(merge(live.as_ref(), None), live);
    assert_eq!(merge(live.as_ref(), Some(&Vec::new())), live, "an empty list names nobody");
    assert_eq!(canonical(merge(None, Some(&vec![One::removal("old")]))), None);
}

#[test]
fn a_bucket_adds_to_its_defaults_and_can_take_one_away() {
    let defaults = Some(vec![one("a", 1), one("b", 2)]);
    let own = Some(vec![One::removal("b"), one("c", 3)]);
    let joined = join(defaults.as_ref(), own.as_ref());
    assert_eq!(joined, Some(vec![one("a", 1), One::removal("b"), one("c", 3)]));
    assert_eq!(join(None, own.as_ref()), own);
    assert_eq!(join(defaults.as_ref(), None), defaults);
}

fn said(set: Vec<One>) -> Vec<String> {
    let told = |it: Problem| format!("{}: {}; {}", it.pointer, it.message, it.hint.unwrap_or_default());
    check(Some(&set), "things", |_, _| {}).into_iter().map(told).collect()
}

#[test]
fn sets_that_s3_would_refuse_are_refused_before() {
    let many: Vec<One> = (0..1001).map(|n| one(&format!("n{n}"), 0)).collect();
    assert_eq!(said(many[1..].to_vec()), [] as [&str; 0]);
    assert_eq!(
        said(many),
        ["/configurations: 1001 configurations of things; S3 keeps at most 1000 of them on a bucket"]
    );
    let hint = "use 1 to 64 letters, digits, `-`, `_` and `.`";
    assert_eq!(said(vec![one(&"x".repeat(64), 0), one("a-B_3.c", 0)]), [] as [&str; 0]);
    assert_eq!(
        said(vec![one("", 0), one("a b", 0), one(&"x".repeat(65), 0), one("ok", 0), one("ok", 1)]),
        [
            format!("/configurations/0/id: the configuration has no id; {hint}"),
            format!("/configurations/1/id: illegal id `a b`: ` ` is not allowed; {hint}"),
            format!("/configurations/2/id: the id has 65 characters; {hint}"),
            "/configurations/4/id: a second configuration has the id `ok`; give each an id of its own".to_owned(),
        ]
    );
}

#[test]
fn an_absent_element_says_nothing_else() {
    let absent = |said, days| One { id: "a".to_owned(), absent: Some(said), days };
    assert_eq!(said(vec![absent(true, 0)]), [] as [&str; 0]);
    assert_eq!(
        said(vec![absent(true, 7)]),
        ["/configurations/0: `a` shall be absent and says more; leave only `id` and `absent`"]
    );
    assert_eq!(
        said(vec![absent(false, 0)]),
        ["/configurations/0/absent: `absent: false` says nothing; leave it out, or write `absent: true`"]
    );
}

fn filter(prefix: &str, tags: &[(&str, &str)]) -> Filter {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Filter { prefix: Some(prefix.to_owned()), tags: Some(tags) }
}

#[test]
fn a_filter_that_leaves_nothing_out_is_none() {
    assert_eq!(filter("", &[]).canonical(), None);
    assert_eq!(filter("a", &[]).canonical(), Some(Filter { prefix: Some("a".to_owned()), tags: None }));
}

#[test]
fn a_filter_reaches_what_is_narrower() {
    let raw = filter("raw/", &[]);
    let narrow = filter("raw/x", &[("a", "1")]);
    assert!(Filter::reaches(None, Some(&raw)));
    assert!(Filter::reaches(Some(&raw), Some(&narrow)));
    assert!(!Filter::reaches(Some(&narrow), Some(&raw)));
    assert!(!Filter::reaches(Some(&raw), None));
    assert!(!Filter::reaches(Some(&filter("", &[("a", "2")])), Some(&narrow)));
}
