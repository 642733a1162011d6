use super::super::sample::{at, change, drift, id, picture, rules, speaker};
use super::super::{Outcome, RevisionNote, Standing};
use super::*;
use crate::spec::PolicySeverity;
use serde_json::json;

fn say(told: &mut Told, picture: &Picture) -> Vec<Notice> {
    news(told, picture, &rules(""), &speaker())
}

fn titles(notices: &[Notice]) -> Vec<String> {
    notices.iter().map(|it| format!("{}: {}", it.state.word(), it.title)).collect()
}

fn fleet(count: usize) -> Vec<Item> {
    (0..count).map(|n| drift(&format!("ai-{n:03}"))).collect()
}

/// What the daemon keeps, and reads after a restart.
fn restarted(told: &mut Told, kept: &mut BTreeMap<String, String>) -> Told {
    for (key, text) in told.take_changed() {
        match text {
            Some(text) => drop(kept.insert(key, text)),
            None => drop(kept.remove(&key)),
        }
    }
    Told::restore(kept.clone())
}

#[test]
fn four_hundred_buckets_that_drift_from_one_change_are_one_message() {
    let mut told = Told::default();
    let notices = say(&mut told, &picture(1, fleet(400)));
    let [it] = &notices[..] else { panic!("one: {notices:#?}") };
    assert_eq!(it.title, "Drift: versioning of 400 buckets differs");
    assert_eq!((it.buckets.len(), it.bucket_count, it.state), (10, 400, State::Open));
    assert_eq!(it.changes, [change("Suspended", "Enabled")]);
    assert_eq!((it.since, it.at), (at(0), at(1)));
    assert_eq!(it.url.as_deref(), Some("https://driftless.example.com/?sort=worst"));
    let fix = it.fix.as_ref().expect("a fix");
    assert!(fix.text.starts_with("`driftless apply` repairs it"), "{}", fix.text);
}

#[test]
fn nothing_is_said_twice_not_even_after_a_restart() {
    let (mut told, mut kept) = (Told::default(), BTreeMap::new());
    assert_eq!(say(&mut told, &picture(1, fleet(30))).len(), 1);
    assert_eq!(say(&mut told, &picture(2, fleet(30))), []);
    let mut told = restarted(&mut told, &mut kept);
    assert_eq!(say(&mut told, &picture(3, fleet(30))), []);
    let over = say(&mut told, &picture(4, vec![]));
    assert_eq!(titles(&over), ["resolved: Over: drift of versioning in 30 buckets"]);
    let mut told = restarted(&mut told, &mut kept);
    assert!(told.is_empty() && say(&mut told, &picture(5, vec![])).is_empty());
}

#[test]
fn a_cause_that_comes_back_has_its_key_and_another_message() {
    let mut told = Told::default();
    let first = say(&mut told, &picture(1, fleet(1)));
    let over = say(&mut told, &picture(2, vec![]));
    let again = say(&mut told, &picture(3, fleet(1)));
    assert_eq!(first[0].key, over[0].key);
    assert_eq!(first[0].key, again[0].key);
    assert!(first[0].id != over[0].id && first[0].id != again[0].id);
    assert_eq!(again[0].state, State::Open);
}

#[test]
fn a_cause_that_grows_is_said_once_and_one_that_shrinks_or_flaps_is_not() {
    let mut told = Told::default();
    say(&mut told, &picture(1, fleet(2)));
    let grown = say(&mut told, &picture(2, fleet(3)));
    assert_eq!(titles(&grown), ["changed: Drift: versioning of 3 buckets differs"]);
    assert_eq!(grown[0].since, at(0));
    assert_eq!(say(&mut told, &picture(3, fleet(1))), []);
    assert_eq!(say(&mut told, &picture(4, fleet(3))), []);
}

/// What was given up counted as told, so that nobody heard of it as long as it stayed.
#[test]
fn what_was_given_up_is_told_again() {
    let mut told = Told::default();
    let open = say(&mut told, &picture(1, fleet(1)));
    told.forget(&open[0].id);
    assert_eq!(told.take_changed().last().map(|(_, text)| text.is_none()), Some(true));
    let again = say(&mut told, &picture(2, fleet(1)));
    assert_eq!((again[0].state, &again[0].key), (State::Open, &open[0].key));
    // A change that did not arrive is told again; the cause stays open, so that its end is told.
    let grown = say(&mut told, &picture(3, fleet(2)));
    told.forget(&grown[0].id);
    let grown = say(&mut told, &picture(4, fleet(2)));
    assert_eq!(titles(&grown), ["changed: Drift: versioning of 2 buckets differs"]);
    assert_eq!(say(&mut told, &picture(5, fleet(2))), []);
    told.forget(&grown[0].id);
    assert_eq!(titles(&say(&mut told, &picture(6, vec![]))), ["resolved: Over: drift of versioning in 2 buckets"]);
}

#[test]
fn a_cause_that_becomes_worse_is_said() {
    let mut told = Told::default();
    say(&mut told, &picture(1, fleet(1)));
    let worse = Item { severity: PolicySeverity::Critical, ..drift("ai-000") };
    let notices = say(&mut told, &picture(2, vec![worse.clone()]));
    assert_eq!(titles(&notices), ["changed: Drift: versioning of ai-000 differs"]);
    assert_eq!(notices[0].severity, PolicySeverity::Critical);
    assert_eq!(say(&mut told, &picture(3, vec![worse])), []);
}

#[test]
fn other_differences_are_other_messages_until_there_are_too_many() {
    let other = |n: usize| {
        let changes = vec![change(&format!("Odd{n}"), "Enabled")];
        Item { changes, ..drift(&format!("ai-{n:03}")) }
    };
    let mut told = Told::default();
    assert_eq!(say(&mut told, &picture(1, (0..5).map(other).collect())).len(), 5);
    let mut told = Told::default();
    let many = say(&mut told, &picture(1, (0..400).map(other).collect()));
    assert_eq!(titles(&many), ["open: Drift: versioning of 400 buckets differs in various ways"]);
    assert_eq!(many[0].changes, []);
    // One more of its kind joins them.
    let more = say(&mut told, &picture(2, (0..401).map(other).collect()));
    assert_eq!(titles(&more), ["changed: Drift: versioning of 401 buckets differs in various ways"]);
    assert_eq!(more[0].key, many[0].key);
}

#[test]
fn the_name_of_the_bucket_in_a_value_does_not_tell_causes_apart() {
    let statement = |bucket: &str| Item {
        setting: "policy".to_owned(),
        changes: vec![Change {
            path: "[tls]".to_owned(),
            from: None,
            to: Some(json!({"resource": format!("arn:aws:s3:::{bucket}/*")})),
        }],
        ..drift(bucket)
    };
    let mut told = Told::default();
    let notices = say(&mut told, &picture(1, vec![statement("ai-one"), statement("ai-two")]));
    let [it] = &notices[..] else { panic!("one: {notices:#?}") };
    assert_eq!(it.changes[0].to, Some(json!({"resource": "arn:aws:s3:::BUCKET/*"})));
}

#[test]
fn what_a_revision_brings_is_one_message_however_it_differs() {
    let revision = "4f1c2b7e9a0d3c5b6e8f1a2b3c4d5e6f70819203";
    let brought = |n: usize| Item {
        setting: if n.is_multiple_of(2) { "tags".to_owned() } else { "versioning".to_owned() },
        changes: vec![change(&n.to_string(), "x")],
        revision: Some(revision.to_owned()),
        ..drift(&format!("ai-{n:03}"))
    };
    let note = RevisionNote { id: revision.to_owned(), subject: "Tag all".to_owned(), author: "Ada".to_owned() };
    let mut told = Told::default();
    let seen = Picture { revision: Some(note.clone()), ..picture(1, (0..40).map(brought).collect()) };
    let notices = say(&mut told, &seen);
    let [it] = &notices[..] else { panic!("one: {notices:#?}") };
    assert_eq!((it.bucket_count, it.revision.as_ref()), (40, Some(&note)));
    assert_eq!(it.detail.as_deref(), Some("settings: tags, versioning"));
    // The next sweep knows of no revision, and yet it is the same cause.
    let later = (0..40).map(|n| Item { revision: None, ..brought(n) }).collect();
    assert_eq!(say(&mut told, &picture(2, later)), []);
    let repaired =
        (0..40).map(|n| Item { happening: Happening::Repaired, reason: String::new(), ..brought(n) }).collect();
    let done = say(&mut Told::default(), &Picture { repaired, revision: Some(note), ..picture(3, vec![]) });
    assert_eq!(titles(&done), ["resolved: Revision carried out in 40 buckets"]);
}

#[test]
fn what_was_repaired_at_once_is_told_once_and_never_opened() {
    let repaired: Vec<Item> =
        fleet(30).into_iter().map(|it| Item { happening: Happening::Repaired, reason: String::new(), ..it }).collect();
    let mut told = Told::default();
    let notices = say(&mut told, &Picture { repaired, ..picture(1, vec![]) });
    assert_eq!(titles(&notices), ["resolved: Repaired: versioning of 30 buckets"]);
    assert!(told.is_empty());
}

/// The message about the second repair took the place of the first, which was still waiting: nobody
/// was told of the first bucket.
#[test]
fn two_repairs_of_the_same_difference_do_not_take_each_others_place() {
    let repair = |minute, bucket: &str| {
        let repaired = vec![Item { happening: Happening::Repaired, reason: String::new(), ..drift(bucket) }];
        say(&mut Told::default(), &Picture { repaired, ..picture(minute, vec![]) }).remove(0)
    };
    let (first, second) = (repair(1, "ai-001"), repair(2, "ai-002"));
    assert_ne!(first.key, second.key);
    assert_eq!(first.key, repair(1, "ai-001").key, "the same repair has the same key");
}

#[test]
fn a_cause_that_driftless_repaired_says_so_and_is_not_told_as_a_repair_too() {
    let mut told = Told::default();
    say(&mut told, &picture(1, fleet(30)));
    let repaired: Vec<Item> =
        fleet(30).into_iter().map(|it| Item { happening: Happening::Repaired, reason: String::new(), ..it }).collect();
    let notices = say(&mut told, &Picture { repaired, ..picture(2, vec![]) });
    assert_eq!(titles(&notices), ["resolved: Over: drift of versioning in 30 buckets"]);
    assert_eq!(notices[0].detail.as_deref(), Some("driftless repaired it."));
}

#[test]
fn what_nobody_knows_is_not_over() {
    let mut told = Told::default();
    say(&mut told, &picture(1, vec![drift("ai-logs")]));
    for words in [["versioning"], ["versioned"], [ALL]] {
        let undecided = [(id("ai-logs"), words.iter().map(ToString::to_string).collect())].into();
        assert_eq!(say(&mut told, &Picture { undecided, ..picture(2, vec![]) }), [], "{words:?}");
    }
    let undecided = [(id("ai-logs"), ["tags".to_owned()].into()), (id("ai-logs2"), [ALL.to_owned()].into())].into();
    assert_eq!(say(&mut told, &Picture { undecided, ..picture(3, vec![]) }).len(), 1);
}

/// A bucket that was denied, and in the next sweep timed out, was told to be readable again.
#[test]
fn a_bucket_that_fails_to_be_read_in_another_way_is_not_readable_again() {
    let denied = Item { setting: String::new(), ..Item { happening: Happening::Unknown, ..drift("ai-logs") } };
    let mut told = Told::default();
    assert_eq!(say(&mut told, &picture(1, vec![Item { reason: "denied".to_owned(), ..denied }])).len(), 1);
    for word in [ALL, "tags", "versioned"] {
        let undecided = [(id("ai-logs"), [word.to_owned()].into())].into();
        assert_eq!(say(&mut told, &Picture { undecided, ..picture(2, vec![]) }), [], "{word}");
    }
    let undecided = [(id("ai-logs2"), [ALL.to_owned()].into())].into();
    let over = say(&mut told, &Picture { undecided, ..picture(3, vec![]) });
    assert_eq!(over.iter().map(|it| it.state).collect::<Vec<_>>(), [State::Resolved]);
}

#[test]
fn a_look_at_the_source_alone_says_nothing_of_buckets() {
    let mut told = Told::default();
    say(&mut told, &picture(1, fleet(3)));
    assert_eq!(say(&mut told, &Picture { swept: false, ..picture(2, vec![]) }), []);
    let held = |revision: &str| Item { digest: Some(revision.to_owned()), ..Item::about(Happening::Source, "held") };
    let look = |minute, open| Picture { swept: false, ..picture(minute, open) };
    assert_eq!(titles(&say(&mut told, &look(3, vec![held("a")]))), ["open: The source is held"]);
    assert_eq!(say(&mut told, &look(4, vec![held("a")])), []);
    assert_eq!(titles(&say(&mut told, &look(5, vec![held("b")]))), ["changed: The source is held"]);
    let over = say(&mut told, &look(6, vec![]));
    assert_eq!(titles(&over), ["resolved: The source is not held any more"]);
    assert_eq!(over[0].url.as_deref(), Some("https://driftless.example.com/source"));
}

#[test]
fn a_source_that_was_not_asked_yet_after_a_restart_is_not_ready_again() {
    let mut told = Told::default();
    say(&mut told, &picture(1, vec![Item::about(Happening::Source, "held")]));
    assert_eq!(say(&mut told, &Picture { source_known: false, ..picture(2, vec![]) }), []);
    assert_eq!(say(&mut told, &picture(3, vec![])).len(), 1);
}

#[test]
fn an_open_breaker_is_one_message_for_all_that_it_holds() {
    let over = |n: usize| Item {
        changes: vec![change(&n.to_string(), "x")],
        ..Item { happening: Happening::Breaker, reason: "over-limit".to_owned(), ..drift(&format!("ai-{n:03}")) }
    };
    let mut told = Told::default();
    let notices = say(&mut told, &picture(1, (0..400).map(over).collect()));
    assert_eq!(titles(&notices), ["open: The fleet breaker is open: 400 buckets would change"]);
    assert_eq!(titles(&say(&mut told, &picture(2, vec![]))), ["resolved: The fleet breaker is closed again"]);
}

#[test]
fn a_bucket_that_moves_from_one_cause_to_another_ends_the_first() {
    let mut told = Told::default();
    say(&mut told, &picture(1, vec![drift("ai-logs")]));
    let held = Item {
        happening: Happening::Held,
        reason: "needs-approval".to_owned(),
        approval: Some("kind: Approval\n".to_owned()),
        digest: Some("1f".to_owned()),
        ..drift("ai-logs")
    };
    let notices = say(&mut told, &picture(2, vec![held.clone()]));
    assert_eq!(
        titles(&notices),
        ["open: Held (needs-approval): versioning of ai-logs", "resolved: Over: drift of versioning in ai-logs"]
    );
    // It was said to agree again, right after the message that it differs.
    assert_eq!(notices[1].detail.as_deref(), Some("It is told as another trouble now."));
    assert_eq!(notices[0].fix.as_ref().and_then(|it| it.document.as_deref()), Some("kind: Approval\n"));
    // The document names the day on which it ends; that alone is no news.
    let later = Item { approval: Some("kind: Approval # later\n".to_owned()), ..held.clone() };
    assert_eq!(say(&mut told, &picture(3, vec![later])), []);
    let other = Item { digest: Some("2e".to_owned()), ..held };
    assert_eq!(
        titles(&say(&mut told, &picture(4, vec![other]))),
        ["changed: Held (needs-approval): versioning of ai-logs"]
    );
}

#[test]
fn a_bucket_that_moves_to_a_cause_that_a_sink_is_not_told_of_does_not_agree_again() {
    let narrow = rules("when: [{on: [drift]}]");
    let mut told = Told::default();
    news(&mut told, &picture(1, vec![drift("ai-logs")]), &narrow, &speaker());
    let held = Item { happening: Happening::Held, reason: "fighting".to_owned(), ..drift("ai-logs") };
    let over = news(&mut told, &picture(2, vec![held]), &narrow, &speaker());
    assert_eq!(titles(&over), ["resolved: Over: drift of versioning in ai-logs"]);
    assert_eq!(over[0].detail.as_deref(), Some("It is another trouble now, not told here."));
    news(&mut told, &picture(3, vec![drift("ai-logs")]), &narrow, &speaker());
    let over = news(&mut told, &picture(4, vec![]), &narrow, &speaker());
    assert_eq!(over[0].detail.as_deref(), Some("It agrees again, or nobody asks for it any more."));
}

#[test]
fn a_failure_that_fails_otherwise_each_time_is_one_cause() {
    let failed = |reason: &str| Item {
        happening: Happening::Failed,
        reason: reason.to_owned(),
        detail: format!("{reason} at this very moment"),
        ..drift("ai-logs")
    };
    let mut told = Told::default();
    let notices = say(&mut told, &picture(1, vec![failed("denied")]));
    assert_eq!(titles(&notices), ["open: Repair failed (denied): versioning of ai-logs"]);
    assert_eq!(say(&mut told, &picture(2, vec![failed("server")])), []);
}

#[test]
fn a_sink_is_told_of_its_own_buckets_only() {
    let mut open = fleet(30);
    open[7].place = std::sync::Arc::new(super::super::picture::Place {
        labels: [("team".to_owned(), "ml".to_owned())].into(),
        ..Default::default()
    });
    let rules = rules("when: [{labels: {team: ml}}]");
    let notices = news(&mut Told::default(), &picture(1, open), &rules, &speaker());
    assert_eq!(titles(&notices), ["open: Drift: versioning of ai-007 differs"]);
    assert_eq!(notices[0].url.as_deref(), Some("https://driftless.example.com/buckets/default/ai-007"));
}

#[test]
fn a_sink_that_wants_no_values_or_no_ends_gets_none() {
    let quiet = rules("values: false, resolved: false");
    let mut told = Told::default();
    let notices = news(&mut told, &picture(1, vec![drift("ai-logs")]), &quiet, &speaker());
    let json = serde_json::to_string(&notices).expect("JSON");
    assert!(!json.contains("Suspended") && !json.contains("Enabled"), "{json}");
    assert_eq!(words::changes(&notices[0]), ["versioning.status"]);
    assert_eq!(news(&mut told, &picture(2, vec![]), &quiet, &speaker()), []);
    assert!(told.is_empty());
}

/// A look under a revision that came out so.
fn seen(minute: u32, id: &str, outcome: Outcome) -> Picture {
    let counts = Standing { outcome, buckets: 4, in_sync: 3, drifted: 1, unknown: 0, held: 1, findings: 2 };
    let revision = Some(RevisionNote { id: id.to_owned(), subject: String::new(), author: String::new() });
    Picture { revision, standing: Some(counts), ..picture(minute, vec![]) }
}

/// With a severity in the rule, the bad end of a revision was told, and that it is mended never was: an
/// alert of PagerDuty stayed open for ever.
#[test]
fn whoever_was_told_that_a_revision_came_out_badly_is_told_when_it_is_mended() {
    let severe = rules("when: [{on: [revision], severity: medium}]");
    let mut told = Told::default();
    let mut tell = |seen: Picture| titles(&news(&mut told, &seen, &severe, &speaker()));
    let none = Vec::<String>::new();
    assert_eq!(tell(seen(1, "aaaaaaa", Outcome::Good)), none, "nothing was open");
    let bad = ["open: Revision aaaaaaa is in force: 1 not as wanted, 2 faults in its documents"];
    assert_eq!(tell(seen(2, "aaaaaaa", Outcome::Bad)), bad);
    let good = ["resolved: Revision aaaaaaa is carried out: 4 buckets in sync"];
    assert_eq!(tell(seen(3, "aaaaaaa", Outcome::Good)), good);
    assert_eq!(tell(seen(4, "aaaaaaa", Outcome::Good)), none);
    assert_eq!(tell(seen(5, "aaaaaaa", Outcome::Bad)), bad, "it is bad again");
    // Also when the next one mends it, after a restart.
    let mut told = restarted(&mut told, &mut BTreeMap::new());
    let mut tell = |seen: Picture| titles(&news(&mut told, &seen, &severe, &speaker()));
    assert_eq!(tell(seen(6, "bbbbbbb", Outcome::Pending)), none);
    let good = ["resolved: Revision bbbbbbb is carried out: 4 buckets in sync"];
    assert_eq!(tell(seen(7, "bbbbbbb", Outcome::Good)), good);
    assert_eq!(tell(seen(8, "ccccccc", Outcome::Good)), none);

    // Who wants no ends is told none, and of the next trouble all the same.
    let quiet = rules("when: [{on: [revision], severity: medium}], resolved: false");
    let mut told = Told::default();
    let mut tell = |seen: Picture| titles(&news(&mut told, &seen, &quiet, &speaker()));
    assert_eq!(tell(seen(1, "aaaaaaa", Outcome::Bad)), bad);
    assert_eq!(tell(seen(2, "aaaaaaa", Outcome::Good)), none);
    assert_eq!(tell(seen(3, "aaaaaaa", Outcome::Bad)), bad);
}

#[test]
fn a_revision_is_told_when_it_comes_and_when_it_comes_out() {
    let rules = rules("when: [{on: [revision]}]");
    let mut told = Told::default();
    let mut tell = |seen: Picture| titles(&news(&mut told, &seen, &rules, &speaker()));
    assert_eq!(
        tell(seen(1, "aaaaaaa", Outcome::Pending)),
        ["open: Revision aaaaaaa is in force; its buckets are being checked"]
    );
    assert_eq!(
        tell(seen(2, "aaaaaaa", Outcome::Bad)),
        ["open: Revision aaaaaaa is in force: 1 not as wanted, 2 faults in its documents"]
    );
    assert_eq!(tell(seen(3, "aaaaaaa", Outcome::Pending)), Vec::<String>::new());
    assert_eq!(tell(seen(4, "aaaaaaa", Outcome::Bad)), Vec::<String>::new());
    assert_eq!(
        tell(seen(5, "aaaaaaa", Outcome::Good)),
        ["resolved: Revision aaaaaaa is carried out: 4 buckets in sync"]
    );
    assert_eq!(tell(seen(6, "bbbbbbb", Outcome::Refused)), ["open: Revision bbbbbbb is not obeyed"]);
}

#[test]
fn two_agents_do_not_share_a_key() {
    let other = Speaker { seed: "b".to_owned(), ..speaker() };
    let one = say(&mut Told::default(), &picture(1, fleet(1)));
    let two = news(&mut Told::default(), &picture(1, fleet(1)), &rules(""), &other);
    assert_ne!(one[0].key, two[0].key);
}
