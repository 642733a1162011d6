//! By which names this server is asked. A foreign site can let its own name lead to an address of
//! ours (DNS rebinding), and a browser then takes our pages for that site's: so a name that is not
//! ours is not answered.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};

use super::fault::Fault;

/// The names that are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Only those on this machine can come, unless a proxy on it lets others.
    loopback: bool,
    /// The host of `http.publicUrl`, in lower case.
    public: Option<String>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { loopback: true, public: None }
    }
}

impl Hosts {
    /// For a server that listens there, and whom people know by this address.
    pub fn of(listen: SocketAddr, public_url: Option<&str>) -> Self {
        let public = public_url.and_then(|url| url.parse::<Uri>().ok()).and_then(|url| url.host().map(plain));
        Self { loopback: listen.ip().to_canonical().is_loopback(), public }
    }

    /// Whether a request may be answered, which names what it is for.
    ///
    /// # Errors
    /// When it names somebody else.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
        // What only says how the daemon is doing is for probes and Prometheus, by whatever name.
        if ["/metrics", "/healthz", "/readyz"].contains(&uri.path()) {
            return Ok(());
        }
        let named = headers.get_all(header::HOST).iter().map(|it| it.to_str().unwrap_or("?"));
        // Whoever names nothing is no browser.
        let Some(foreign) = named.chain(uri.authority().map(Authority::as_str)).find(|it| !self.answers(it)) else {
            return Ok(());
        };
        let shown: String = foreign.chars().take(100).collect();
        let hint = match (&self.public, self.loopback) {
            (Some(public), _) => format!("ask at `{public}`, or set `http.publicUrl` to the address that people use"),
            (None, _) => {
                "ask at `localhost` or 127.0.0.1, or set `http.publicUrl` to the address that people use".to_owned()
            }
        };
        Err(Fault::new(StatusCode::MISDIRECTED_REQUEST, format!("`{shown}` is no name of this server"), hint))
    }

    /// Whether a host, perhaps with a port, is one of ours.
    fn answers(&self, host: &str) -> bool {
        if !self.loopback && self.public.is_none() {
            return true;
        }
        let Ok(authority) = host.parse::<Authority>() else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let host = plain(authority.host());
        if host == "localhost" || self.public.as_ref() == Some(&host) || is_inner(&host) {
            return true;
        }
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.is_ok_and(|it| !self.loopback || it.to_canonical().is_loopback())
    }
}

/// Whether a name leads nowhere outside of a cluster or a network of one's own, so that no site of
/// somebody else's can have it: one word, or below a domain that is kept for such use.
fn is_inner(host: &str) -> bool {
    let named = !host.is_empty() && host.parse::<IpAddr>().is_err() && !host.starts_with('[');
    let kept = [".svc", ".svc.cluster.local", ".local", ".internal", ".home.arpa"];
    named && (!host.contains('.') || kept.iter().any(|it| host.ends_with(it)))
}

/// A host in the form in which two are compared.
fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(listen: &str, public: Option<&str>) -> Hosts {
        Hosts::of(listen.parse().expect("an address"), public)
    }

    #[test]
    fn on_the_loopback_interface_only_this_machine_and_the_public_name_are_answered() {
        let hosts = at("127.0.0.1:9464", Some("https://Driftless.example.com/s3"));
        for ours in [
            "localhost",
            "LOCALHOST:9464",
            "localhost.:1",
            "127.0.0.1",
            "127.9.9.9:80",
            "[::1]:9464",
            "[::1]",
            "[::ffff:127.0.0.1]:1",
            "driftless.example.com",
            "driftless.example.com:8443",
        ] {
            assert!(hosts.answers(ours), "{ours}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.7:9464",
            "0.0.0.0:9464",
            "[2001:db8::1]",
            "driftless.example.com.evil.example",
            "localhost@evil.example",
            "evil.example@localhost",
            "",
            "a b",
        ] {
            assert!(!hosts.answers(foreign), "{foreign}");
        }
        assert!(!at("[::1]:1", None).answers("evil.example"));
    }

    #[test]
    fn elsewhere_the_public_name_and_addresses_are_answered_and_without_one_everything() {
        let hosts = at("0.0.0.0:9464", Some("https://driftless.example.com"));
        for ours in ["driftless.example.com", "10.0.0.7:9464", "[2001:db8::1]:9464", "localhost:9464"] {
            assert!(hosts.answers(ours), "{ours}");
        }
        assert!(!hosts.answers("evil.example") && !hosts.answers("10.0.0.7.evil.example"));
        // A sweep that is asked for from within the cluster was refused.
        for inner in ["driftless:9464", "driftless.ns.svc:9464", "driftless.ns.svc.cluster.local", "box.internal"] {
            assert!(hosts.answers(inner), "{inner}");
        }
        assert!(!hosts.answers("svc.evil.example") && !hosts.answers("evil.example.") && !hosts.answers(""));
        assert!(at("[::]:9464", None).answers("whatever.example"));
    }

    #[test]
    fn each_host_that_is_named_counts_and_none_does_not() {
        let hosts = Hosts::default();
        let (mut headers, page) = (HeaderMap::new(), Uri::from_static("/"));
        assert_eq!(hosts.check(&page, &headers), Ok(()));
        headers.append(header::HOST, "localhost".parse().expect("a value"));
        assert_eq!(hosts.check(&page, &headers), Ok(()));
        assert!(hosts.check(&Uri::from_static("http://evil.example/"), &headers).is_err());
        headers.append(header::HOST, "evil.example".parse().expect("a value"));
        assert!(hosts.check(&page, &headers).is_err());
        for any in ["/metrics", "/healthz", "/readyz"] {
            assert_eq!(hosts.check(&Uri::from_static(any), &headers), Ok(()));
        }
    }
}
