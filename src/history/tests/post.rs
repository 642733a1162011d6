use super::super::Outgoing;
use super::*;

fn message(sink: &str, key: &str, id: &str) -> Outgoing {
    Outgoing { sink: sink.to_owned(), key: key.to_owned(), id: id.to_owned(), text: format!("text of {id}") }
}

fn put(key: &str, text: &str) -> (String, Option<String>) {
    (key.to_owned(), Some(text.to_owned()))
}

async fn waiting(history: &History) -> Vec<String> {
    history.outbox().await.expect("reads").into_iter().map(|it| it.id).collect()
}

#[tokio::test]
async fn what_was_told_and_what_waits_come_back_after_a_restart() {
    let dir = Dir::new();
    let history = dir.open();
    let chat = "chat".to_owned();
    let messages = vec![message("chat", "a", "1"), message("chat", "b", "2")];
    history.keep_told(chat.clone(), vec![put("a", "A"), put("b", "B")], messages).await.expect("kept");
    history
        .keep_told(chat.clone(), vec![put("a", "A2"), ("b".to_owned(), None)], vec![message("chat", "a", "3")])
        .await
        .expect("kept");
    history.close().await.expect("closed");
    drop(history);
    let history = dir.open();
    assert_eq!(history.told().await.expect("reads"), [(chat.clone(), "a".to_owned(), "A2".to_owned())]);
    assert_eq!(waiting(&history).await, ["2", "3"], "a newer message stands at the end, in place of the older");
    // The older one arrived just before the newer took its place.
    history.delivered(chat.clone(), "a".to_owned(), "1".to_owned()).await.expect("kept");
    assert_eq!(waiting(&history).await, ["2", "3"]);
    history.delivered(chat, "a".to_owned(), "3".to_owned()).await.expect("kept");
    assert_eq!(waiting(&history).await, ["2"]);
}

#[tokio::test]
async fn a_sink_that_is_gone_is_forgotten_and_the_others_are_not() {
    let dir = Dir::new();
    let history = dir.open();
    for sink in ["chat", "mail"] {
        history.keep_told(sink.to_owned(), vec![put("a", "A")], vec![message(sink, "a", sink)]).await.expect("kept");
    }
    history.forget_other_sinks(vec!["mail".to_owned()]).await.expect("kept");
    assert_eq!(waiting(&history).await, ["mail"]);
    assert_eq!(history.told().await.expect("reads").len(), 1);
}
