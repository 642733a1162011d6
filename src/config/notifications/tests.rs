use super::*;
use crate::config::parse;

fn faults(text: &str) -> Vec<String> {
    let text = format!("source: {{dir: .}}\nnotifications:\n{text}");
    match parse("driftless.yaml", &text, &[]) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_mistake_is_said_at_once_with_its_place() {
    let text = "\
- name: chat
  slack: {}
- name: chat
  when: [{severity: high, buckets: [\"ai-[\"], on: []}]
- name: both
  timeout: 1ms
  webhook: {url: \"http://example.com/hook\", secretEnv: HOOK}
  pagerduty: {routingKeyFile: /k, routingKeyEnv: K, url: \"https://169.254.169.254/\"}
- name: post
  email: {host: mail.example.com, security: none, from: nobody, to: [\"a@example.com\"], passwordEnv: P}
- name: hidden
  webhook: {url: \"https://example.com/\", urlEnv: U, secretEnv: S}
- name: nowhere
  webhook: {secretEnv: S}
";
    assert_eq!(
        faults(text),
        [
            "driftless.yaml:4:3: neither `urlFile` nor `urlEnv`\n\
             hint: name one: secrets stand in a file or a variable, never here",
            "driftless.yaml:5:3: the notification `chat` goes nowhere\n\
             hint: name exactly one of slack, teams, webhook, pagerduty, email, github, gitlab, sns",
            "driftless.yaml:5:3: two notifications are named `chat`\n\
             hint: give each a `name` of its own: what was told is remembered by it",
            "driftless.yaml:6:37: `ai-[` is no pattern: unclosed character class; missing ']'\n\
             hint: `*` stands for any text, `?` for one character",
            "driftless.yaml:6:46: the rule fits nothing\nhint: name what happens, or leave `on` out",
            "driftless.yaml:7:3: the notification `both` names webhook and pagerduty\n\
             hint: name exactly one of slack, teams, webhook, pagerduty, email, github, gitlab, sns",
            "driftless.yaml:8:3: `1ms` is out of range\nhint: write at least `100ms` and at most `2m`",
            "driftless.yaml:9:13: plain http to another machine\n\
             hint: write `https://…`; http is for this machine alone",
            "driftless.yaml:10:3: both `routingKeyFile` and `routingKeyEnv`\n\
             hint: name one: secrets stand in a file or a variable, never here",
            "driftless.yaml:10:53: the address is link-local\n\
             hint: clouds keep credentials at such addresses; name another host",
            "driftless.yaml:12:3: a password without `username`\nhint: add `username`",
            "driftless.yaml:12:35: mail to `mail.example.com` would go in the clear\n\
             hint: write `security: starttls`, or `tls`; a relay on this machine may go without",
            "driftless.yaml:12:51: `nobody` is no mail address\n\
             hint: write `name@example.com`, or `Name <name@example.com>`",
            "driftless.yaml:14:3: `url`, and `urlFile` or `urlEnv`\n\
             hint: name one: an address with a token in it stands in a file or a variable",
            "driftless.yaml:16:3: no address\n\
             hint: name one of `url`, and `urlFile` or `urlEnv` where it is a secret",
        ]
    );
}

#[test]
fn a_good_one_is_read_with_its_defaults() {
    let text = "source: {dir: .}\nnotifications: [{name: pager, pagerduty: {routingKeyFile: /key}}]";
    let config = parse("driftless.yaml", text, &[]).expect("good");
    let [sink] = &config.notifications[..] else { panic!("one") };
    assert_eq!(sink.pagerduty.as_ref().map(|it| it.url.as_str()), Some("https://events.pagerduty.com/v2/enqueue"));
    assert!(sink.resolved && sink.values);
    assert_eq!((sink.timeout.to_string(), sink.give_up_after.to_string()), ("10s".to_owned(), "1d".to_owned()));
}

#[test]
fn a_word_that_is_none_says_which_there_are() {
    assert_eq!(
        faults("- {name: a, slack: {urlFile: /u}, when: [{on: [drfit]}]}\n"),
        ["driftless.yaml:3:48: `on[0]` cannot be `drfit`\nhint: did you mean `drift`?"]
    );
}

#[test]
fn only_https_or_this_machine_is_an_address() {
    for good in ["https://hooks.example.com/a?b=c", "http://127.0.0.1:8080/x", "http://[::1]:1/", "http://localhost/"] {
        assert_eq!(check_address(good), Ok(()), "{good}");
    }
    for bad in [
        "ftp://a/",
        "https://",
        "https://user:pass@host/",
        "http://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://a b/",
        "http://localhost.evil.example/",
    ] {
        assert!(check_address(bad).is_err(), "{bad}");
    }
}

/// `resolved: false` was taken silently, and no alert was ever closed.
#[test]
fn a_pager_that_hears_of_no_end_is_refused() {
    assert_eq!(
        faults("- {name: pager, pagerduty: {routingKeyFile: /key}, resolved: false}\n"),
        ["driftless.yaml:3:52: without `resolved`, alerts of PagerDuty would stay open for ever\n\
          hint: leave `resolved` out: an alert ends when driftless says that its trouble is over"]
    );
    assert_eq!(faults("- {name: pager, pagerduty: {routingKeyFile: /key}, resolved: true}\n"), Vec::<String>::new());
    assert_eq!(faults("- {name: chat, slack: {urlFile: /url}, resolved: false}\n"), Vec::<String>::new());
}

/// Every mail said `EHLO [127.0.0.1]`, and nobody could say otherwise.
#[test]
fn a_name_for_the_greeting_is_fully_qualified() {
    let mail = |helo: &str| {
        let host = "host: mail.example.com, from: a@example.com, to: [\"b@example.com\"]";
        faults(&format!("- {{name: post, email: {{helo: {helo:?}, {host}}}}}\n"))
    };
    for good in ["driftless.example.com", "ip-10-0-0-1.eu-central-1.compute.internal", "a.b"] {
        assert_eq!(mail(good), Vec::<String>::new(), "{good}");
    }
    for bad in
        ["", "driftless", "127.0.0.1", "[127.0.0.1]", "localhost.localdomain", "a..b", "-a.example.com", "a b.com"]
    {
        assert_eq!(
            mail(bad),
            [format!(
                "driftless.yaml:3:24: `{bad}` is no fully qualified name\n\
                 hint: write the full name of this machine, such as `driftless.example.com`"
            )],
        );
    }
}
