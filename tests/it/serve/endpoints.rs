//! What the endpoints can do, as the API and the page show it.

use driftless::bucket::{AccountName, Region};
use driftless::capability::{Ability, EndpointCard, SettingCard};
use driftless::serve::{Options, Token};
use serde_json::json;

use super::{over, usual};
use crate::support::fleet;
use crate::support::http::{get, send};

fn store() -> EndpointCard {
    let card = |setting: &str, ability: Ability, answer: Option<&str>| SettingCard {
        setting: setting.to_owned(),
        ability,
        answer: answer.map(str::to_owned),
        learned_at: answer.map(|_| fleet::now()),
        asked_again_at: (ability == Ability::Unsupported).then(|| fleet::now() + chrono::Duration::days(1)),
    };
    EndpointCard {
        account: AccountName::parse("minio").expect("legal"),
        region: Region::parse("us-east-1").expect("legal"),
        address: Some("http://minio.example:9000".to_owned()),
        settings: vec![
            card("versioning", Ability::Supported, Some("`data` answered")),
            card("cors", Ability::Unsupported, Some("`<b>` answered GetBucketCors: NotImplemented (status 501)")),
            card("acl", Ability::NotYetKnown, None),
        ],
    }
}

#[tokio::test]
async fn the_api_tells_what_each_endpoint_can_do_and_by_which_answer_that_was_learned() {
    let board = fleet::board();
    board.put_endpoints(vec![store()]);
    let server = over(board, Options::default()).await;
    let told = get(server.at, "/api/v1/endpoints").await.json();
    let expected = json!({"endpoints": [{
        "account": "minio", "region": "us-east-1", "address": "http://minio.example:9000",
        "settings": [
            {"setting": "versioning", "ability": "supported", "answer": "`data` answered", "learnedAt": fleet::now()},
            {"setting": "cors", "ability": "unsupported", "learnedAt": fleet::now(),
             "answer": "`<b>` answered GetBucketCors: NotImplemented (status 501)",
             "askedAgainAt": fleet::now() + chrono::Duration::days(1)},
            {"setting": "acl", "ability": "not-yet-known"},
        ],
    }]});
    assert_eq!(told, expected);
}

#[tokio::test]
async fn the_page_shows_the_same_and_nothing_that_a_store_says_becomes_markup() {
    let board = fleet::board();
    board.put_endpoints(vec![store()]);
    let server = over(board, Options::default()).await;
    let page = get(server.at, "/endpoints").await;
    assert_eq!(page.status, 200);
    for said in ["http://minio.example:9000", "not yet known", "&lt;b&gt;", "NotImplemented (status 501)"] {
        assert!(page.body.contains(said), "{said}");
    }
    assert!(!page.body.contains("<b>"));
    let page = get(usual().await.at, "/endpoints").await;
    assert!(page.body.contains("None has answered yet."));
}

#[tokio::test]
async fn endpoints_are_asked_again_for_whoever_knows_the_token() {
    let options = Options { token: Some(Token::new("a secret of sixteen")), ..Options::default() };
    let server = over(fleet::board(), options).await;
    let ask = async |header: &str| send(server.at, "POST", "/api/v1/endpoints", &[header]).await.status;
    assert_eq!((ask("authorization: Bearer wrong").await, server.asked()), (401, 0));
    assert_eq!((ask("authorization: Bearer a secret of sixteen").await, server.asked(), server.woken()), (202, 1, 0));
}
