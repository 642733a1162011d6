//! The conversation with a mail server: one mail to several people, of whom the server may refuse some.
//! A library would break off at the first that is refused, and nobody would get the mail.

use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};

use crate::config::notifications::MailSecurity;
use crate::notify::sink::{Failure, Retry};
use crate::notify::words;

/// How long a server that has the mail may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long one of the addresses of a name may take to be reached, so that the next has its turn; the
/// deadline of all is the caller's.
const REACHED: Duration = Duration::from_secs(3);

/// The code of a server that takes no such amount ("Simple Mail Transfer Protocol", RFC 5321, 4.2.3).
const TOO_LARGE: u16 = 552;

/// The code of a server that ends the conversation.
const CLOSING: u16 = 421;

/// A mail server, and who one is to it.
pub(super) struct Server<'a> {
    /// Its name.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: MailSecurity,
    /// What the agent calls itself.
    pub hello: &'a ClientId,
    /// Who it is, where the server wants to know.
    pub login: Option<Credentials>,
}

/// What became of a mail that the server did not refuse as a whole.
#[derive(Debug, Default)]
pub(super) struct Posted {
    /// Who has it.
    pub taken: Vec<Address>,
    /// To whom it never comes, and why.
    pub refused: Vec<(Address, String)>,
    /// To whom it does not come now, and why.
    pub put_off: Vec<(Address, String)>,
}

/// How far a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Opening,
    Sender,
    Recipients,
    Content,
}

impl Server<'_> {
    /// Sends a mail to these people: those whom the server takes get it.
    ///
    /// # Errors
    /// Why nobody got it.
    pub async fn post(&self, from: &Address, to: &[Address], mail: &[u8]) -> Result<Posted, Failure> {
        let mut connection = self.open().await?;
        let posted = transact(&mut connection, from, to, mail).await;
        // Whatever is said now changes nothing, and the caller's deadline may be near.
        tokio::spawn(async move { tokio::time::timeout(GOODBYE, connection.quit()).await });
        posted.map_err(|(step, error)| failure(step, &error))
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let parameters = || {
            TlsParameters::new(self.host.to_owned()).map_err(|error| {
                Failure::new(format!("TLS to `{}` cannot be set up: {error}", self.host), Retry::WhenMended)
                    .hint("install the certificate authorities of the system (Debian: ca-certificates)")
            })
        };
        let failed = |error: Error| failure(Step::Opening, &error);
        let wrapped = if self.security == MailSecurity::Tls { Some(parameters()?) } else { None };
        let place = (self.host, self.port);
        let opening = AsyncSmtpConnection::connect_tokio1(place, Some(REACHED), self.hello, wrapped, None);
        let mut connection = opening.await.map_err(failed)?;
        if self.security == MailSecurity::Starttls {
            // After a failure there may be no stream left to say goodbye on.
            connection.starttls(parameters()?, self.hello).await.map_err(failed)?;
        }
        if let Some(login) = &self.login
            && let Err(error) = connection.auth(DEFAULT_MECHANISMS, login).await
        {
            let _ = tokio::time::timeout(GOODBYE, connection.abort()).await;
            return Err(failed(error));
        }
        Ok(connection)
    }
}

async fn transact(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: &[Address],
    mail: &[u8],
) -> Result<Posted, (Step, Error)> {
    let plain = |it: &Address| AsRef::<str>::as_ref(it).is_ascii();
    let international = connection.server_info().supports_feature(Extension::SmtpUtfEight);
    let wanted = !plain(from) || !to.iter().all(plain);
    let parameters = if international && wanted { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
    connection.command(Mail::new(Some(from.clone()), parameters)).await.map_err(|error| (Step::Sender, error))?;
    let mut posted = Posted::default();
    for it in to {
        if !international && !plain(it) {
            let said = "the server takes plain addresses only (no SMTPUTF8)".to_owned();
            posted.refused.push((it.clone(), said));
            continue;
        }
        match connection.command(Rcpt::new(it.clone(), Vec::new())).await {
            Ok(_) => posted.taken.push(it.clone()),
            Err(error) if error.is_permanent() => posted.refused.push((it.clone(), said(&error))),
            Err(error) if error.is_transient() && code(&error) != Some(CLOSING) => {
                posted.put_off.push((it.clone(), said(&error)));
            }
            Err(error) => return Err((Step::Recipients, error)),
        }
    }
    if !posted.taken.is_empty() {
        connection.command(Data).await.map_err(|error| (Step::Recipients, error))?;
        connection.message(mail).await.map_err(|error| (Step::Content, error))?;
    }
    Ok(posted)
}

fn code(error: &Error) -> Option<u16> {
    error.status().map(u16::from)
}

/// What a server, or the way to it, said.
fn said(error: &Error) -> String {
    let said = words::cut(&words::line(&error.to_string()), 300);
    match std::error::Error::source(error).map(|it| words::cut(&words::line(&it.to_string()), 300)) {
        Some(source) if !said.contains(&source) => format!("{said}: {source}"),
        _ => said,
    }
}

/// Why a server did not take a mail.
fn failure(step: Step, error: &Error) -> Failure {
    let said = said(error);
    let failure = |retry| Failure::new(format!("the mail server did not take it: {said}"), retry);
    if error.is_permanent() {
        // It is too large, of a form that is refused, or taken for spam: another may do. Some refuse a sender
        // only now, which can be mended.
        let enhanced = |classes: &[&str]| classes.iter().any(|it| said.contains(it));
        let own_fault = step == Step::Content && enhanced(&["5.3.4", "5.6.", "5.7.1 "]);
        if own_fault || (matches!(step, Step::Content | Step::Sender) && code(error) == Some(TOO_LARGE)) {
            return failure(Retry::Never);
        }
        return failure(Retry::WhenMended).hint(LOOK);
    }
    // A certificate that is refused is a failure of the connection to lettre.
    if error.is_tls() || said.contains("certificate") {
        return failure(Retry::WhenMended).hint("look at `security`, and whether the certificate is for `host`");
    }
    // What the server does not offer will not come by itself.
    if error.is_client() {
        return failure(Retry::WhenMended).hint("look at `security`, `username` and what the server offers");
    }
    failure(Retry::Later)
}

/// Where a refusal is mended.
pub(super) const LOOK: &str = "look at sender, recipients, user name and password";
