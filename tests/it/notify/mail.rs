//! Mail, at a server that speaks SMTP.

use driftless::notify::Notice;
use driftless::notify::deliver::attempt;
use driftless::notify::sink::{Failure, Retry};
use serde_json::{Value, json};

use super::sinks::{notice, place};
use crate::support::daemon::{World, compliant, spec, wait};
use crate::support::receiver::MailServer;

fn mail(server: &MailServer, more: Value) -> Value {
    let mut sink = json!({
        "host": "127.0.0.1", "port": server.address.port(), "security": "none",
        "from": "driftless <driftless@example.com>", "to": ["a@example.com", "b@example.com"],
    });
    for (key, value) in more.as_object().expect("fields") {
        sink[key] = value.clone();
    }
    json!({"email": sink})
}

#[tokio::test]
async fn a_mail_goes_to_everybody_in_one_envelope() {
    let server = MailServer::start("").await;
    let (place, _folder) = place(mail(&server, json!({"username": "driftless", "passwordFile": "SECRET"})), "s3cret");
    attempt(&place, &notice()).await.expect("it is taken");
    let said = server.said();
    let commands: Vec<&str> = said.iter().map(String::as_str).filter(|it| !it.contains("\r\n")).collect();
    let login = format!("AUTH PLAIN {}", base64("\0driftless\0s3cret"));
    for wanted in
        [&*login, "MAIL FROM:<driftless@example.com>", "RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"]
    {
        assert!(commands.iter().any(|it| it.starts_with(wanted)), "{wanted} is not in {commands:#?}");
    }
    let mail = said.iter().find(|it| it.ends_with("\r\n.\r\n")).expect("a mail");
    assert!(mail.contains("Subject: [driftless info] Test: messages of driftless arrive here\r\n"), "{mail}");
    assert!(mail.contains("Content-Type: text/plain") && mail.contains("Content-Type: text/html"), "{mail}");
}

#[tokio::test]
async fn a_wrong_password_is_said_with_what_to_do_and_never_told() {
    let server = MailServer::start("AUTH").await;
    let (place, _folder) = place(mail(&server, json!({"username": "driftless", "passwordFile": "SECRET"})), "s3cret");
    let failure = attempt(&place, &notice()).await.expect_err("it is refused");
    assert_eq!(failure.retry, Retry::WhenMended);
    assert!(failure.message.contains("not you"), "{failure}");
    assert_eq!(failure.hint.as_deref(), Some("look at sender, recipients, user name and password"));
    assert!(!format!("{failure:?}").contains("s3cret"));
}

#[tokio::test]
async fn nothing_goes_in_the_clear_where_tls_is_wanted() {
    let server = MailServer::start("").await;
    let login = json!({"security": "starttls", "username": "driftless", "passwordFile": "SECRET"});
    let (place, _folder) = place(mail(&server, login), "s3cret");
    attempt(&place, &notice()).await.expect_err("the server offers no TLS");
    let said = server.said();
    assert!(said.iter().all(|it| it.starts_with("EHLO") || it.starts_with("QUIT")), "{said:?}");
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63] as char;
            out.push(if place <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

/// With a mailbox that was gone among them, nobody got any mail: the library broke off at its 550.
#[tokio::test]
async fn a_mailbox_that_is_gone_keeps_the_mail_from_nobody_else() {
    let server = MailServer::open().await;
    server.refuses(vec![("RCPT TO:<b@", "550 5.1.1 no such user")]);
    let (place, _folder) = place(mail(&server, json!({})), "");
    attempt(&place, &notice()).await.expect("one took it");
    attempt(&place, &Notice { id: "driftless-2".to_owned(), ..notice() }).await.expect("one took it");
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "each message comes once: {mails:#?}");
    assert!(mails[0].contains("Message-ID: <driftless-1@") && mails[1].contains("Message-ID: <driftless-2@"));
    // Whoever tries it out is told who gets nothing.
    let failure = place.sink.test(&notice()).await.expect_err("one gets nothing");
    assert!(failure.message.starts_with("the mail server did not take it for `b@example.com`: "), "{failure}");
    assert!(failure.message.contains("no such user") && failure.retry == Retry::WhenMended, "{failure:?}");

    // When nobody takes it, nothing is delivered.
    let before = server.mails().len();
    server.refuses(vec![("RCPT", "550 5.1.1 no such user")]);
    let failure = attempt(&place, &notice()).await.expect_err("nobody took it");
    assert!(
        failure.message.starts_with("the mail server did not take it: ") && failure.message.contains("no such user")
    );
    let hint = "look at sender, recipients, user name and password";
    assert_eq!((failure.retry, failure.hint.as_deref()), (Retry::WhenMended, Some(hint)));
    assert_eq!((server.mails().len(), server.commands("DATA").len()), (before, before));
}

/// Whom the server put off kept the mail from all, and a second attempt must not bring it twice to those
/// who have it.
#[tokio::test]
async fn who_is_put_off_gets_the_mail_later_and_the_others_get_it_once() {
    let server = MailServer::open().await;
    server.refuses(vec![("RCPT TO:<b@", "450 4.2.1 come back later")]);
    let (place, _folder) = place(mail(&server, json!({})), "");
    let failure = attempt(&place, &notice()).await.expect_err("one waits for it");
    assert!(failure.message.starts_with("the mail server puts `b@example.com` off: "), "{failure}");
    assert_eq!((failure.retry, server.mails().len()), (Retry::Later, 1));
    server.refuses(vec![]);
    attempt(&place, &notice()).await.expect("the other took it");
    assert_eq!(server.mails().len(), 2);
    let to = ["RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>", "RCPT TO:<b@example.com>"];
    assert_eq!(server.commands("RCPT"), to);
    // The next message is for both.
    attempt(&place, &Notice { id: "driftless-2".to_owned(), ..notice() }).await.expect("both took it");
    assert_eq!(server.commands("RCPT").len(), 5);
}

/// A mail that a filter refused was tried for a day, and everything behind it waited for five minutes
/// each time.
#[tokio::test]
async fn a_mail_that_is_refused_for_what_is_in_it_stands_in_nobodys_way() {
    let server = MailServer::open().await;
    let (place, _folder) = place(mail(&server, json!({})), "");
    for (refusal, retry) in [
        ((".", "554 5.7.1 looks like spam"), Retry::Never),
        ((".", "550 5.6.0 not like this"), Retry::Never),
        (("MAIL", "552 5.3.4 too large"), Retry::Never),
        (("MAIL", "550 5.7.1 not from you"), Retry::WhenMended),
        (("RCPT", "554 5.7.1 relay access denied"), Retry::WhenMended),
        (("RCPT", "552 5.2.2 mailbox full"), Retry::WhenMended),
        (("DATA", "554 5.5.1 not now"), Retry::WhenMended),
        ((".", "451 4.3.0 come back later"), Retry::Later),
        (("RCPT", "421 4.7.0 closing"), Retry::Later),
    ] {
        server.refuses(vec![refusal]);
        let Failure { message, retry: said, .. } = attempt(&place, &notice()).await.expect_err("it is refused");
        assert_eq!(said, retry, "{refusal:?}");
        assert!(message.contains(&refusal.1[4..]), "{message}");
    }
}

/// Google's relay turned each mail away, which came with `EHLO [127.0.0.1]`.
#[tokio::test]
async fn the_server_is_greeted_with_a_full_name() {
    let server = MailServer::open().await;
    let (named, _one) = place(mail(&server, json!({"helo": "driftless.example.org"})), "");
    let (unnamed, _two) = place(mail(&server, json!({})), "");
    attempt(&named, &notice()).await.expect("it is taken");
    attempt(&unnamed, &notice()).await.expect("it is taken");
    let [named, unnamed] = &server.commands("EHLO")[..] else { panic!("two") };
    assert_eq!(named, "EHLO driftless.example.org");
    // This machine's name where it is a full one, else the domain of the sender.
    let name = unnamed.strip_prefix("EHLO ").expect("a name");
    assert!(name.contains('.') && !name.contains('['), "{unnamed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_says_once_which_address_is_refused_and_mails_the_others() {
    let server = MailServer::open().await;
    server.refuses(vec![("RCPT TO:<b@", "550 5.1.1 no such user")]);
    let watched = spec("bucket-000000", "  versioning: {status: Enabled}\n  mode: observe\n");
    let mut world = World::with(compliant(1), &[("a.yaml", &watched)]).await;
    let mut sink = mail(&server, json!({}));
    sink["name"] = json!("team");
    world.config["notifications"] = json!([sink]);
    let daemon = world.swept().await;
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    let subjects = || {
        let mails = server.mails();
        let subject = |mail: &String| mail.lines().find_map(|line| line.strip_prefix("Subject: ")).map(str::to_owned);
        mails.iter().filter_map(subject).collect::<Vec<_>>()
    };
    let drift = "[driftless medium] Drift: versioning of bucket-000000 differs";
    wait("the first mail", async || (subjects() == [drift]).then_some(())).await;
    world.set_versioning("bucket-000000", "Enabled").await;
    daemon.sweep().await;
    let over = "[driftless resolved] Over: drift of versioning in bucket-000000";
    wait("the second mail", async || (subjects() == [drift, over]).then_some(())).await;
    assert_eq!(daemon.metric("driftless_notifications_total{result=\"failed\",service=\"email\"}").await, 0.0);
    let log = daemon.stop().await;
    let said =
        "mail to `b@example.com` is refused, and the others get theirs: permanent error (550): 5.1.1 no such user";
    assert_eq!(log.matches(said).count(), 1, "{log}");
}
