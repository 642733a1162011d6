//! Mail by SMTP, as text and as HTML. Headers are made by lettre, which encodes what is not plain;
//! line ends never reach it.

use std::time::SystemTime;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use maud::{DOCTYPE, Markup, html};

use crate::config::notifications::{EmailConfig, MailSecurity};
use crate::notify::notice::{Notice, State};
use crate::notify::sink::{Failure, Retry, Sending, Sink, place_of, secret};
use crate::notify::words;
use crate::source::git::SecretRef;

/// Mail to some people.
pub struct Email {
    host: String,
    port: u16,
    security: MailSecurity,
    login: Option<(String, SecretRef)>,
    from: String,
    to: Vec<String>,
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
        Self {
            host: it.host.clone(),
            port,
            security: it.security,
            login: it.username.clone().zip(password),
            from: it.from.clone(),
            to: it.to.clone(),
        }
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
        let parameters = || {
            TlsParameters::new(self.host.clone()).map_err(|error| {
                Failure::new(format!("TLS to `{}` cannot be set up: {error}", self.host), Retry::WhenMended)
                    .hint("install the certificate authorities of the system (Debian: ca-certificates)")
            })
        };
        let tls = match self.security {
            MailSecurity::Starttls => Tls::Required(parameters()?),
            MailSecurity::Tls => Tls::Wrapper(parameters()?),
            MailSecurity::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host).port(self.port).tls(tls);
        if let Some((user, password)) = &self.login {
            builder = builder.credentials(Credentials::new(user.clone(), secret(password)?));
        }
        Ok(builder.build())
    }
}

impl Sink for Email {
    fn service(&self) -> &'static str {
        "email"
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let message = message(notice, &self.from, &self.to)?;
            self.transport()?.send(message).await.map(drop).map_err(|error| failure(&error))
        })
    }
}

/// Why a server did not take a mail.
fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let mut said = words::cut(&words::line(&error.to_string()), 300);
    if let Some(source) = std::error::Error::source(error).map(ToString::to_string)
        && !said.contains(&source)
    {
        said = format!("{said}: {}", words::cut(&words::line(&source), 300));
    }
    let failure = |retry| Failure::new(format!("the mail server did not take it: {said}"), retry);
    if error.is_permanent() {
        return failure(Retry::WhenMended).hint("look at sender, recipients, user name and password");
    }
    // A certificate that is refused is a failure of the connection to lettre.
    if error.is_tls() || said.contains("certificate") {
        return failure(Retry::WhenMended).hint("look at `security`, and whether the certificate is for `host`");
    }
    failure(Retry::Later)
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
                    p { b { "To do: " } (fix.text) }
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
