//! Asking for a sweep from the page.

use driftless::serve::{Options, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Running, over, usual};
use crate::support::fleet;
use crate::support::http::{get, post, send};

async fn with_token() -> Running {
    over(fleet::board(), Options { token: Some(Token::new("correct horse battery")), ..Options::default() }).await
}

/// What the form on a page carries.
async fn guard(server: &Running) -> String {
    let html = get(server.at, "/").await.body;
    let after = html.split_once("name=\"guard\" value=\"").expect("the form carries a guard").1;
    after.split('"').next().expect("an end").to_owned()
}

const RIGHT: &str = "token=correct+horse+battery";

#[tokio::test]
async fn without_a_token_in_the_configuration_there_is_no_form_and_no_route() {
    let server = usual().await;
    for path in ["/", "/source"] {
        assert!(!get(server.at, path).await.body.contains("<form method=\"post\""), "{path}");
    }
    assert_eq!(post(server.at, "/sync", &[], "token=").await.status, 404);
    assert_eq!(send(server.at, "GET", "/sync", &[]).await.status, 404);
    assert_eq!(server.woken(), 0);
}

#[tokio::test]
async fn the_form_of_the_page_asks_for_a_sweep_with_and_without_scripts() {
    let server = with_token().await;
    let guard = guard(&server).await;
    let form = format!("{RIGHT}&guard={guard}&from=source");
    let page = post(server.at, "/sync", &["Sec-Fetch-Site: same-origin"], &form).await;
    assert_eq!((page.status, page.header("content-type")), (202, "text/html; charset=utf-8"));
    assert!(page.body.contains("A sweep was asked for") && page.body.contains("<a href=\"/source\">Back</a>"));
    let told = post(server.at, "/sync", &["Accept: application/json"], &form).await;
    assert_eq!((told.status, told.json()), (202, serde_json::json!({"accepted": true})));
    assert_eq!(server.woken(), 2);
}

#[tokio::test]
async fn nothing_that_another_site_can_send_is_heard() {
    let server = with_token().await;
    let guard = guard(&server).await;
    let own = format!("Origin: http://{}", server.at);
    let (good, bare) = (format!("{RIGHT}&guard={guard}"), RIGHT.to_owned());
    for (headers, form, status) in [
        (vec!["Sec-Fetch-Site: cross-site"], &good, 403),
        (vec!["Sec-Fetch-Site: same-site"], &good, 403),
        (vec!["Sec-Fetch-Site: none"], &good, 403),
        (vec!["Sec-Fetch-Site: cross-site", &own], &good, 403),
        (vec!["Origin: https://evil.example"], &good, 403),
        (vec!["Origin: evil"], &good, 403),
        // A form that no page of this server carried.
        (vec![own.as_str()], &bare, 403),
        (vec![], &bare, 403),
        (vec!["Origin: null"], &bare, 403),
    ] {
        let answer = post(server.at, "/sync", &headers, form).await;
        assert_eq!(answer.status, status, "{headers:?} {form}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    assert_eq!(server.woken(), 0);
    // A page of this server, however the browser says so: `null` is what it tells of a page that
    // wants no page named.
    for headers in [vec!["Sec-Fetch-Site: same-origin", "Origin: null"], vec![&own], vec!["Origin: null"]] {
        assert_eq!(post(server.at, "/sync", &headers, &good).await.status, 202, "{headers:?}");
    }
    assert_eq!(server.woken(), 3);
}

#[tokio::test]
async fn a_wrong_token_another_method_and_a_large_form_are_refused() {
    let server = with_token().await;
    let guard = guard(&server).await;
    for token in ["", "wrong", "correct+horse+battery+", "CORRECT+HORSE+BATTERY"] {
        let expected = if token == "correct+horse+battery+" { 202 } else { 401 };
        let answer = post(server.at, "/sync", &[], &format!("token={token}&guard={guard}")).await;
        assert_eq!(answer.status, expected, "{token}");
    }
    assert_eq!(server.woken(), 1);
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let answer = send(server.at, method, &format!("/sync?{RIGHT}&guard={guard}"), &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
    let large = format!("{RIGHT}&guard={guard}&x={}", "x".repeat(5000));
    assert_eq!(post(server.at, "/sync", &[], &large).await.status, 413);
    assert_eq!(post(server.at, "/sync", &[], "%zz&&=").await.status, 403);
    assert_eq!(server.woken(), 1);
}

#[tokio::test]
async fn whoever_guesses_is_made_to_wait_on_both_ways() {
    let server = with_token().await;
    let guard = guard(&server).await;
    for number in 0..10 {
        let status = match number % 2 {
            0 => post(server.at, "/sync", &[], &format!("token=guess&guard={guard}")).await.status,
            _ => send(server.at, "POST", "/api/v1/sync", &["Authorization: Bearer guess"]).await.status,
        };
        assert_eq!(status, 401, "guess {number}");
    }
    let wrong = post(server.at, "/sync", &["Accept: application/json"], &format!("token=guess&guard={guard}")).await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (429, &"too many wrong tokens within a minute".into()));
    // The right one among refused ones was once let in: the limit limited nothing.
    let right = post(server.at, "/sync", &["Accept: application/json"], &format!("{RIGHT}&guard={guard}")).await;
    assert_eq!(right.status, 429);
    let knows = "Authorization: Bearer correct horse battery";
    assert_eq!(send(server.at, "POST", "/api/v1/sync", &[knows]).await.status, 429);
    assert_eq!(server.woken(), 0);
    // Whoever knows the token and is somebody else goes on.
    let other = from("127.0.0.2", server.at, &format!("POST /api/v1/sync HTTP/1.1\r\n{knows}\r\n\r\n")).await;
    assert!(other.starts_with("HTTP/1.1 202 "), "{other}");
    assert_eq!(server.woken(), 1);
}

/// The first bytes of the answer to whoever asks from another address of this machine.
async fn from(address: &str, server: std::net::SocketAddr, request: &str) -> String {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{address}:0").parse().expect("an address")).expect("it is of the loopback interface");
    let mut stream = socket.connect(server).await.expect("the server listens");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut first = vec![0; 40];
    stream.read_exact(&mut first).await.expect("the server answers");
    String::from_utf8(first).expect("text")
}

#[tokio::test]
async fn no_more_than_two_sweeps_a_second_can_be_asked_for_over_a_minute() {
    let server = with_token().await;
    for _ in 0..120 {
        assert_eq!(
            send(server.at, "POST", "/api/v1/sync", &["Authorization: Bearer correct horse battery"]).await.status,
            202
        );
    }
    let answer = send(server.at, "POST", "/api/v1/sync", &["Authorization: Bearer correct horse battery"]).await;
    assert_eq!(answer.status, 429);
    assert_eq!(server.woken(), 120);
}
