//! Mail by SMTP, as text and as HTML. Headers are made by lettre, which encodes what is not plain;
//! line ends never reach it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::SystemTime;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use maud::{DOCTYPE, Markup, html};

use super::smtp::{LOOK, Posted, Server};
use crate::config::notifications::{EmailConfig, MailSecurity, is_domain};
use crate::notify::notice::{Notice, State};
use crate::notify::sink::{Failure, Retry, Sending, Sink, place_of, secret};
use crate::notify::words;
use crate::source::git::SecretRef;

/// Of so many messages it is remembered who has them, while others wait for them.
const MOST_HALF_SENT: usize = 1000;

/// Mail to some people.
pub struct Email {
    host: String,
    port: u16,
    security: MailSecurity,
    login: Option<(String, SecretRef)>,
    hello: ClientId,
    from: String,
    to: Vec<String>,
    known: Mutex<Known>,
}

/// What is known of the people.
#[derive(Debug, Default)]
struct Known {
    /// Who has a message that others wait for, by its id: it is not sent to them again.
    have: BTreeMap<String, BTreeSet<Address>>,
    /// Whom the server refused when it was asked last.
    refused: BTreeSet<Address>,
}

impl Email {
    /// Mail as the configuration says.
    pub fn of(it: &EmailConfig) -> Self {
        let port = it.port.unwrap_or(match it.security {
            MailSecurity::Starttls => 587,
            MailSecurity::Tls => 465,
            MailSecurity::None => 25,
        });
        let password = place_of(&it.password_file, &it.password_env);
        // Where there is no such file, the machine is taken for one without a name.
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            host: it.host.clone(),
            port,
            security: it.security,
            login: it.username.clone().zip(password),
            hello: hello(it.helo.as_deref(), machine.trim(), &it.from),
            from: it.from.clone(),
            to: it.to.clone(),
            known: Mutex::default(),
        }
    }

    /// Makes one attempt: to those who do not have it yet.
    async fn post(&self, notice: &Notice) -> Result<Posted, Failure> {
        let message = message(notice, &self.from, &self.to)?;
        let have = self.known().have.get(&notice.id).cloned().unwrap_or_default();
        let envelope = message.envelope();
        let to: Vec<Address> = envelope.to().iter().filter(|it| !have.contains(*it)).cloned().collect();
        let from = envelope.from().expect("a message is made with a sender");
        let login = match &self.login {
            Some((user, password)) => Some(Credentials::new(user.clone(), secret(password)?)),
            None => None,
        };
        let Self { host, port, security, hello, .. } = self;
        let server = Server { host, port: *port, security: *security, hello, login };
        server.post(from, &to, &message.formatted()).await
    }

    /// What an attempt means for the message. Whom the server refuses for good is said once, and keeps
    /// it from nobody else.
    fn conclude(&self, id: &str, posted: Posted) -> Result<(), Failure> {
        let Posted { taken, refused, put_off } = posted;
        let mut known = self.known();
        let any = !taken.is_empty() || known.have.contains_key(id);
        for it in &taken {
            if known.refused.remove(it) {
                tracing::info!("mail to `{it}` is taken again");
            }
        }
        for (it, said) in refused.iter().filter(|_| any) {
            if known.refused.insert(it.clone()) {
                tracing::warn!("mail to `{it}` is refused, and the others get theirs: {said}\nhint: correct `to`");
            }
        }
        let not_taken = |said: &str| format!("the mail server did not take it: {said}");
        match (put_off.first(), refused.first()) {
            (Some((it, said)), _) if any => {
                let have = known.have.entry(id.to_owned()).or_default();
                have.extend(taken.into_iter().chain(refused.into_iter().map(|(it, _)| it)));
                if known.have.len() > MOST_HALF_SENT {
                    known.have.pop_first();
                }
                let message = format!("the mail server puts `{it}` off: {said}");
                Err(Failure::new(message, Retry::Later).hint("the others have it, and do not get it again"))
            }
            (Some((_, said)), _) => Err(Failure::new(not_taken(said), Retry::Later)),
            (None, Some((_, said))) if !any => Err(Failure::new(not_taken(said), Retry::WhenMended).hint(LOOK)),
            (None, _) => {
                known.have.remove(id);
                Ok(())
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("no holder of the lock panics")
    }
}

/// What the agent calls itself: relays turn away who has no full name (Google: `421 4.7.0 Try again
/// later, closing connection. (EHLO)`).
fn hello(helo: Option<&str>, machine: &str, from: &str) -> ClientId {
    let sender = from.parse::<Mailbox>().map(|it| it.email.domain().to_owned()).unwrap_or_default();
    let names = [helo.unwrap_or_default(), machine, &sender];
    let name = names.into_iter().find(|it| is_domain(it));
    name.map_or_else(ClientId::default, |it| ClientId::Domain(it.to_owned()))
}

impl Sink for Email {
    fn service(&self) -> &'static str {
        "email"
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let posted = self.post(notice).await?;
            self.conclude(&notice.id, posted)
        })
    }

    /// Whoever tries it out wants to know of everybody who gets nothing.
    fn test<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let posted = self.post(notice).await?;
            match posted.refused.first().or(posted.put_off.first()) {
                Some((it, said)) => {
                    let message = format!("the mail server did not take it for `{it}`: {said}");
                    Err(Failure::new(message, Retry::WhenMended).hint(LOOK))
                }
                None => Ok(()),
            }
        })
    }
}

/// The mail.
///
/// # Errors
/// When an address is none.
pub fn message(notice: &Notice, from: &str, to: &[String]) -> Result<Message, Failure> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>().map_err(|error| {
            Failure::new(format!("`{}` is no mail address: {error}", words::line(text)), Retry::WhenMended)
                .hint("write `name@example.com`, or `Name <name@example.com>`")
        })
    };
    let from = mailbox(from)?;
    let domain = from.email.domain().to_owned();
    let mut builder = Message::builder()
        .message_id(Some(format!("<{}@{domain}>", notice.id)))
        // All that is said of one cause is one conversation.
        .references(format!("<{}@{domain}>", notice.key))
        .date(SystemTime::from(notice.at))
        .subject(subject(notice))
        .from(from);
    for it in to {
        builder = builder.to(mailbox(it)?);
    }
    for (name, value) in [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")] {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
    }
    let part = |kind: ContentType, body: String| SinglePart::builder().header(kind).body(body);
    let parts = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, words::text(notice)))
        .singlepart(part(ContentType::TEXT_HTML, page(notice).into_string()));
    builder.multipart(parts).map_err(|error| Failure::new(format!("the mail cannot be made: {error}"), Retry::Never))
}

fn subject(notice: &Notice) -> String {
    let state = if notice.state == State::Resolved { "resolved" } else { notice.severity.word() };
    words::line(&format!("[driftless {state}] {}", notice.title))
}

/// The same as HTML: every value is escaped by its type.
fn page(notice: &Notice) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (notice.title) } }
            body style="font-family: sans-serif; max-width: 48em" {
                h2 { (super::slack::sign(notice)) " " (notice.title) }
                table cellpadding="4" {
                    @for (name, value) in words::facts(notice) {
                        tr { th align="left" valign="top" { (name) } td { (value) } }
                    }
                }
                @for change in words::changes(notice) { pre { (change) } }
                @if let Some(detail) = &notice.detail { pre { (words::plain(detail)) } }
                @if let Some(fix) = &notice.fix {
                    p { b { "To do: " } (words::line(&fix.text)) }
                    @if let Some(document) = &fix.document { pre { (words::plain(document)) } }
                }
                @if let Some(url) = &notice.url { p { a href=(url) { "Open the page" } } }
                p style="color: #666" { "driftless, " (notice.instance) }
            }
        }
    }
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
