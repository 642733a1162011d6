//! Files: what stands in them, what of them stays in force, and how they meet.

use super::*;

#[test]
fn files_that_cannot_be_read_stop_nothing_else() {
    let good = File { path: "good.yaml", bytes: GOOD.as_bytes() };
    for (bytes, says) in [
        (&b"a: \xff"[..], "bad.yaml:1:4: the byte 0xff is no UTF-8\nhint: save the file as UTF-8"),
        (b"a:\n\tb: 1", "bad.yaml:2:1: a tab where YAML wants spaces\nhint: indent with spaces"),
    ] {
        let loaded = load(&[File { path: "bad.yaml", bytes }, good], &(), &context());
        assert_eq!(said(&loaded), [says]);
        assert_eq!(names(&loaded), ["ai-model-data"]);
        assert_eq!(loaded.faulty.iter().map(|path| &**path).collect::<Vec<_>>(), ["bad.yaml"]);
    }
}

#[test]
fn values_may_stand_in_files_and_in_json_text() {
    let text = bucket("ai-data", "\n  versioning: {file: ../v.json}\n  encryption: |\n    {\"algorithm\": \"AES256\"}");
    let ok = loaded(&[("a/b.yaml", &text), ("v.json", "{\"status\": \"Enabled\"}")], &());
    assert_eq!(said(&ok), [] as [&str; 0]);
    assert_eq!(ok.specs.buckets[0].settings.len(), 2);

    let check = |spec: &str, json: &str, says: &[&str]| {
        let loaded = loaded(&[("a/b.yaml", &bucket("ai-data", spec)), ("a/v.json", json), ("good.yaml", GOOD)], &());
        let errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
        assert_eq!(errors.map(ToString::to_string).collect::<Vec<_>>(), says);
        assert_eq!(names(&loaded), ["ai-model-data"]);
    };
    check(
        "{versioning: {file: v.json}}",
        "{\n  \"status\": \"Enabeld\"\n}",
        &["a/v.json:2:13: `status` cannot be `Enabeld`\nhint: did you mean `Enabled`?"],
    );
    check(
        "{versioning: {file: v.json}}",
        "{\n  \"status\": ,\n}",
        &["a/v.json:2:13: bad JSON: expected value\nhint: check commas, quotes and brackets here and just before"],
    );
    check(
        "{versioning: {file: w.json}}",
        "{}",
        &["a/b.yaml:4:27: the file `w.json` does not exist\nhint: did you mean `v.json`?"],
    );
    check(
        "{versioning: {file: ../../x}}",
        "{}",
        &[
            "a/b.yaml:4:27: the file `../../x` is outside of the source\nhint: name a file by its path from the folder of this one",
        ],
    );
    check(
        "{versioning: {file: b.yaml}}",
        "{}",
        &["a/b.yaml:4:27: the file `b.yaml` would be read as a document\nhint: give it the ending `.json`"],
    );
    check(
        "\n  versioning: |\n    {\n      \"status\": 7\n    }",
        "{}",
        &["a/b.yaml:7:17: `status` is a number where text is wanted\nhint: allowed: `Enabled`, `Suspended`"],
    );
    check(
        "\n  versioning: |\n    {\n      \"status\": ,\n    }",
        "{}",
        &["a/b.yaml:7:17: bad JSON: expected value\nhint: check commas, quotes and brackets here and just before"],
    );
}

#[test]
fn a_bucket_in_two_files_is_told_at_both_places_and_stays_on_its_last_good_form() {
    let (first, second) =
        (bucket("ai-data", "{versioning: {status: Enabled}}"), bucket("ai-data", "{versioning: {status: Suspended}}"));
    let last_good = BTreeMap::from([("a.yaml".to_owned(), first.clone().into_bytes())]);
    let loaded = loaded(&[("b.yaml", &second), ("a.yaml", &first), ("good.yaml", GOOD)], &last_good);
    assert_eq!(
        said(&loaded),
        [
            "a.yaml:1:1: bucket `ai-data` is described twice\nhint: also in b.yaml:1:1; keep one of them",
            "b.yaml:1:1: bucket `ai-data` is described twice\nhint: also in a.yaml:1:1; keep one of them",
        ]
    );
    assert_eq!(names(&loaded), ["ai-data", "ai-model-data"]);
    let Some(Asked::Value(doc)) = loaded.specs.buckets[0].settings.get("versioning").map(|ask| &ask.what) else {
        panic!("a value")
    };
    assert_eq!(doc.as_str(), r#"{"status":"Enabled"}"#, "the first stays in force");
    assert_eq!(loaded.specs.frozen.len(), 1);
}

#[test]
fn names_are_unique_among_their_kind() {
    for (kind, said_kind, spec) in [
        ("BucketDefaults", "bucket defaults", "{match: {buckets: [none]}}"),
        ("Policy", "policy", "{require: {}}"),
        ("Exemption", "exemption", "{policy: private, buckets: [x], reason: a, owner: b, expires: 2027-01-01}"),
        ("Approval", "approval", "{fleet: 1, reason: a, expires: 2027-01-01}"),
    ] {
        let one = document(kind, "x", spec);
        says(
            &format!("{one}---\n{one}"),
            &[
                &format!(
                    "bad.yaml:1:1: {said_kind} `x` is described twice\nhint: also in bad.yaml:6:1; keep one of them"
                ),
                &format!(
                    "bad.yaml:6:1: {said_kind} `x` is described twice\nhint: also in bad.yaml:1:1; keep one of them"
                ),
            ],
        );
    }
}

#[test]
fn defaults_that_contradict_each_other_are_told_for_the_buckets_they_share() {
    let defaults = |name: &str, owner: &str| {
        document("BucketDefaults", name, &format!("{{tags: {{Owner: {owner}}}, match: {{buckets: [ai-*]}}}}"))
    };
    let (one, other) = (defaults("one", "a"), defaults("other", "b"));
    let files = |bucket: &str| {
        let files = [("1.yaml", one.as_str()), ("2.yaml", other.as_str()), ("b.yaml", bucket)];
        loaded(&files, &BTreeMap::from([("1.yaml".to_owned(), one.clone().into_bytes())]))
    };
    let loaded = files(&bucket("ai-data", "{}"));
    assert_eq!(
        said(&loaded),
        [
            "1.yaml:4:15: `tags.Owner` is `a` here and `b` in `other`, and both are for `ai-data`\nhint: the other is 2.yaml:4:15; narrow `match` of one of them",
            "2.yaml:4:15: `tags.Owner` is `b` here and `a` in `one`, and both are for `ai-data`\nhint: the other is 1.yaml:4:15; narrow `match` of one of them",
        ]
    );
    assert_eq!(loaded.specs.defaults.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["one"], "the last good form");
    assert_eq!((names(&loaded), loaded.specs.frozen.len()), (vec!["ai-data"], 1));
    assert_eq!(said(&files(&bucket("ai-data", "{tags: {Owner: c}}"))), [] as [&str; 0], "its own word wins");
    assert_eq!(said(&files(&bucket("other", "{}"))), [] as [&str; 0], "they share no bucket");
}

#[test]
fn a_file_with_an_error_freezes_only_its_buckets() {
    let old = format!("{}---\n{}", bucket("one-data", "{versioning: {status: Enabled}}"), bucket("two-data", "{}"));
    let new = format!("{}---\n{}", bucket("one-data", "{versioning: {status: Enabeld}}"), bucket("new-data", "{}"));
    let last_good = BTreeMap::from([("a.yaml".to_owned(), old.into_bytes())]);
    let loaded = loaded(&[("a.yaml", &new), ("good.yaml", GOOD)], &last_good);
    assert_eq!(
        said(&loaded),
        [
            "a.yaml:4:29: `status` cannot be `Enabeld`\nhint: did you mean `Enabled`?",
            "a.yaml:8:18: bucket `new-data` is not managed: its file has an error and no earlier good form",
        ]
    );
    assert_eq!(names(&loaded), ["ai-model-data", "one-data", "two-data"]);
    let frozen: Vec<&str> = loaded.specs.frozen.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(frozen, ["new-data", "one-data", "two-data"]);
}

#[test]
fn a_policy_with_an_error_stays_on_its_last_good_form() {
    let last_good = BTreeMap::from([(
        "p.yaml".to_owned(),
        document("Policy", "own", "{require: {versioning: {status: Enabled}}}").into_bytes(),
    )]);
    let loaded = loaded(&[("p.yaml", &document("Policy", "own", "{require: {versioning: 5}}"))], &last_good);
    assert_eq!(loaded.findings.len(), 1);
    assert!(loaded.specs.policies.iter().any(|policy| &*policy.name == "own"));
    assert!(loaded.specs.frozen.is_empty());
}

#[test]
fn old_documents_name_old_files() {
    let text = bucket("ai-data", "{versioning: {file: v.json}}");
    let last_good = BTreeMap::from([
        ("a.yaml".to_owned(), text.clone().into_bytes()),
        ("v.json".to_owned(), b"{\"status\": \"Enabled\"}".to_vec()),
    ]);
    let loaded = loaded(&[("a.yaml", &text), ("v.json", "{\"status\":")], &last_good);
    assert_eq!((loaded.findings.len(), names(&loaded)), (1, vec!["ai-data"]));
    assert_eq!(loaded.faulty.iter().map(|path| &**path).collect::<Vec<_>>(), ["a.yaml", "v.json"]);
    assert!(loaded.specs.buckets[0].settings.get("versioning").is_some());
}

/// A revision of these files, of which some paths could not be read.
fn tree(files: &[(&str, &str)], unread: &[&str]) -> Tree {
    let files = files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().into())).collect();
    let refuse = |path: &&str| Refused { path: (**path).into(), why: "it is a symlink".into(), hint: "put it there" };
    let (author, message) = (String::new(), String::new());
    let revision = Revision { id: "1".repeat(40), author, message, committed_at: None, signature: None };
    Tree { revision, files, refused: unread.iter().map(refuse).collect() }
}

fn remembered(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// A file that the source refuses was taken for one that is gone: its buckets were managed no more.
#[test]
fn a_file_that_is_not_read_stays_on_its_last_good_form_as_any_other_fault() {
    let (first, second) = (bucket("one-data", "{}"), bucket("two-data", "{versioning: {file: p.json}}"));
    let policy = document("Policy", "own", "{require: {versioning: {status: Enabled}}}");
    let exemption = document("Exemption", "e", "{policy: own, buckets: [x], reason: a, owner: b, expires: 2027-01-01}");
    let defaults = document("BucketDefaults", "d", "{tags: {Owner: me}}");
    let last_good = remembered(&[
        ("a.yaml", &first),
        ("team/b.yaml", &second),
        ("team/p.json", "{\"status\": \"Enabled\"}"),
        ("team/deep/policy.yaml", &policy),
        ("team/deep/more.yml", &format!("{exemption}---\n{defaults}")),
        ("teams.yaml", &bucket("gone-data", "{}")),
    ]);
    let tree = tree(&[("good.yaml", GOOD)], &["a.yaml", "new.yaml", "team"]);
    let loaded = load_tree(&tree, &last_good, &context());
    assert_eq!(
        said(&loaded),
        ["a.yaml", "new.yaml", "team"]
            .map(|path| format!("{path}:1:1: the file is not read: it is a symlink\nhint: put it there"))
    );
    assert_eq!(names(&loaded), ["ai-model-data", "one-data", "two-data"]);
    assert!(loaded.specs.buckets[2].settings.get("versioning").is_some(), "with the file that it named");
    assert!(loaded.specs.policies.iter().any(|policy| &*policy.name == "own"));
    assert_eq!((loaded.specs.exemptions.len(), loaded.specs.defaults.len()), (1, 1));
    let frozen: Vec<&str> = loaded.specs.frozen.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(frozen, ["one-data", "two-data"]);
    let faulty: Vec<&str> = loaded.faulty.iter().map(|path| &**path).collect();
    assert_eq!(
        faulty,
        ["a.yaml", "team/b.yaml", "team/deep/more.yml", "team/deep/policy.yaml", "team/p.json"],
        "what no last good form is of, and what is gone, is not kept"
    );

    let loaded = load_tree(&tree, &(), &context());
    assert_eq!((loaded.findings.len(), names(&loaded), loaded.faulty.len()), (3, vec!["ai-model-data"], 0));
}

/// A changed built-in policy fell back to its looser form when its file could not be read.
#[test]
fn a_built_in_policy_that_is_changed_in_a_file_that_is_not_read_stays_changed() {
    let change = document("Policy", "tagged", "{mode: observe}");
    let loaded = load_tree(&tree(&[], &["p.yaml"]), &remembered(&[("p.yaml", &change)]), &context());
    let tagged = loaded.specs.policies.iter().find(|policy| &*policy.name == "tagged").expect("a built-in policy");
    assert_eq!(tagged.mode, Mode::Observe);
}

/// Both forms were dropped as duplicates of each other, and the bucket was managed no more.
#[test]
fn a_bucket_that_moved_out_of_a_file_at_fault_is_what_it_is_said_to_be_now() {
    let (before, now) = (bucket("ai-data", "{tags: {Owner: a}}"), bucket("ai-data", "{tags: {Owner: b}}"));
    let defaults = |owner: &str| document("BucketDefaults", "d", &format!("{{tags: {{Team: {owner}}}}}"));
    let last_good = remembered(&[("team/a.yaml", &before), ("team/d.yaml", &defaults("a"))]);
    let (moved, moved_defaults) = (("teams/x/a.yaml", now.as_str()), defaults("b"));
    let (symlink, files) = (["team"], [moved, ("teams/x/d.yaml", &moved_defaults)]);
    let broken = [moved, ("teams/x/d.yaml", &moved_defaults), ("team/a.yaml", "a: ["), ("team/d.yaml", "a: [")];
    for tree in [tree(&files, &symlink), tree(&broken, &[])] {
        let loaded = load_tree(&tree, &last_good, &context());
        assert!(said(&loaded).iter().all(|said| said.starts_with("team")), "{:?}", said(&loaded));
        assert_eq!(names(&loaded), ["ai-data"]);
        assert_eq!(&*loaded.specs.buckets[0].at.file, "teams/x/a.yaml");
        let defaults: Vec<&str> = loaded.specs.defaults.iter().map(|it| &*it.at.file).collect();
        assert_eq!(defaults, ["teams/x/d.yaml"]);
    }
}

/// The bucket was lost, with its good form and the second one.
#[test]
fn a_second_document_of_a_bucket_whose_own_is_at_fault_is_told_and_the_last_good_form_stays() {
    let good = bucket("ai-data", "{tags: {Owner: a}}");
    let bad = bucket("ai-data", "{tags: 7}");
    let loaded = loaded(
        &[("a.yaml", &bad), ("b.yaml", &bucket("ai-data", "{tags: {Owner: b}}"))],
        &remembered(&[("a.yaml", &good)]),
    );
    assert_eq!(names(&loaded), ["ai-data"]);
    assert_eq!(&*loaded.specs.buckets[0].at.file, "a.yaml");
    let said = said(&loaded);
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[1], "b.yaml:1:1: bucket `ai-data` is described twice\nhint: also in a.yaml:1:1; keep one of them");
}

/// The file that it named went out of the good files, so that the next look had no good form of it.
#[test]
fn what_the_last_good_form_names_is_kept_with_it() {
    let text = bucket("ai-data", "{versioning: {file: p.json}}");
    let last_good = remembered(&[("a.yaml", &text), ("p.json", "{\"status\": \"Enabled\"}")]);
    let loaded = loaded(&[("a.yaml", &text)], &last_good);
    assert_eq!(said(&loaded), ["a.yaml:4:27: the file `p.json` does not exist\nhint: `p.json` is not in the source"]);
    assert_eq!(names(&loaded), ["ai-data"]);
    assert_eq!(loaded.faulty.iter().map(|path| &**path).collect::<Vec<_>>(), ["a.yaml", "p.json"]);
}

/// Every fault of a command had a line before it that spoke of earlier forms, which a command has not.
#[test]
fn where_no_earlier_form_can_be_none_is_spoken_of() {
    let bad = [("a.yaml", bucket("ai-data", "{tags: 7}"))];
    let files: Vec<(&str, &str)> = bad.iter().map(|(path, text)| (*path, text.as_str())).collect();
    assert_eq!(said(&loaded(&files, &())).len(), 1);
    assert_eq!(
        said(&loaded(&files, &BTreeMap::new()))[0],
        "a.yaml:3:18: bucket `ai-data` is not managed: its file has an error and no earlier good form"
    );
}

/// `policy` is a setting of a bucket and a field of an exemption.
#[test]
fn what_a_setting_is_called_is_a_field_elsewhere() {
    let text = document("Exemption", "e", "{policy: private, buckets: [x], reason: a, owner: b, expires: 2027-01-01}");
    let loaded = loaded(&[("e.yaml", &text)], &());
    assert_eq!(said(&loaded), [] as [&str; 0]);
    assert_eq!(loaded.specs.exemptions[0].policy.as_ref(), "private");
}

#[test]
fn a_bucket_policy_in_a_file_is_told_by_the_places_of_the_file() {
    let text = bucket("ai-data", "{policy: {file: p.json}}");
    let policy = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Alow\"}]}";
    let loaded = loaded(&[("a.yaml", &text), ("p.json", policy)], &());
    let in_file: Vec<_> = loaded.findings.iter().filter(|finding| &*finding.place.file == "p.json").collect();
    assert!(!in_file.is_empty(), "{:?}", said(&loaded));
    assert!(in_file.iter().all(|finding| finding.place.line == 1 && finding.place.column > 26));
    assert_eq!(loaded.faulty.len(), 2);
}

/// Files that meet badly in several ways.
fn crowd() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = (0..200)
        .map(|n| (format!("b/{n}.yaml"), bucket(&format!("data-{}", n % 150), "{versioning: {status: Enabled}}")))
        .collect();
    files.extend((0..4).map(|n| {
        (
            format!("d/{n}.yaml"),
            document("BucketDefaults", &format!("d{n}"), &format!("{{tags: {{Owner: x{}}}}}", n % 3)),
        )
    }));
    files.push(("p.yaml".to_owned(), document("Policy", "tagged", "{mode: observe}")));
    files.push(("bad.yaml".to_owned(), "a: [".to_owned()));
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_the_files_does_not_matter(files in Just(crowd()).prop_shuffle()) {
        let load_all = |files: &[(String, String)]| {
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            loaded(&files, &())
        };
        let (sorted, shuffled) = (load_all(&crowd()), load_all(&files));
        prop_assert_eq!(sorted.specs, shuffled.specs);
        prop_assert_eq!(sorted.findings, shuffled.findings);
        prop_assert_eq!(sorted.faulty, shuffled.faulty);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let loaded = load(&[File { path: "a.yaml", bytes: &bytes }], &(), &context());
        prop_assert!(loaded.specs.buckets.is_empty());
    }

    #[test]
    fn a_good_document_with_bytes_changed_never_panics_and_loses_nothing_else(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[-?:,\\[\\]{}#&*!|>'\"%@`~ \\n\\ta-z0-9<]"), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = format!("{GOOD}---\n{}", document("Policy", "p", "{match: {buckets: ['*']}, assert: |-\n  a\n}"));
        let mut bytes = text.into_bytes();
        for (at, by) in changes {
            let at = at.index(bytes.len());
            bytes.splice(at..at, by.bytes());
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let good = bucket("stays-here", "{}");
        let files = [File { path: "a.yaml", bytes: &bytes }, File { path: "good.yaml", bytes: good.as_bytes() }];
        let loaded = load(&files, &(), &context());
        prop_assert!(names(&loaded).contains(&"stays-here"));
    }
}
