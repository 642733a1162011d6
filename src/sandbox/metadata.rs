//! S3 Metadata: a configuration that is made once and changed table by table.
//!
//! Tables are there at once. Those of a configuration that was deleted stay, as on AWS, so the
//! tables of a new one fail (User Guide, "Deleting metadata table configurations").

use super::config::{Config, Word, Write};
use super::refusal::Refusal;
use super::xml::Node;

/// The tables, by the beginning of the names of their elements.
const TABLES: [&str; 3] = ["Journal", "Inventory", "Annotation"];

/// CreateBucketMetadataConfiguration.
pub(super) fn create(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("MetadataConfiguration")?;
    if current(config, write).is_some() {
        // The API page names no code for it.
        let said = "A metadata configuration already exists for this bucket";
        return Err(Refusal::new(409, "MetadataConfigurationAlreadyExists", said));
    }
    let place = Node::of(
        "DestinationResult",
        vec![
            Node::leaf("TableBucketType", "aws"),
            Node::leaf("TableBucketArn", table_bucket(write)),
            Node::leaf("TableNamespace", format!("b_{}", write.bucket)),
        ],
    );
    let mut fields = vec![place];
    for table in TABLES {
        match sent.child(&format!("{table}TableConfiguration")) {
            Some(asked) => fields.push(result(table, asked, config.metadata_tables.contains(&table), write)?),
            // Every configuration has a journal.
            None if table == "Journal" => return Err(Refusal::malformed()),
            None => {}
        }
    }
    remember(config, &fields);
    show(config, fields);
    Ok(())
}

/// UpdateBucketMetadata…TableConfiguration.
pub(super) fn update(config: &mut Config, word: Word, write: &Write<'_>) -> Result<(), Refusal> {
    let table = match word {
        Word::MetadataJournalTable => "Journal",
        Word::MetadataInventoryTable => "Inventory",
        _ => "Annotation",
    };
    let asked = write.xml(&format!("{table}TableConfiguration"))?;
    let mut fields = current(config, write).ok_or_else(|| not_found(write.bucket))?;
    let name = format!("{table}TableConfigurationResult");
    let before = fields.iter().position(|field| field.name == name);
    let is_on = |node: &Node| table == "Journal" || node.get("ConfigurationState") == Some("ENABLED");
    let was_on = before.is_some_and(|place| is_on(&fields[place]));
    // A table that was there before it was switched off is in the way of a new one.
    let in_the_way = !was_on && config.metadata_tables.contains(&table);
    let now = result(table, &asked, in_the_way, write)?;
    match before {
        Some(place) => fields[place] = now,
        None => fields.push(now),
    }
    remember(config, &fields);
    show(config, fields);
    Ok(())
}

/// Tables stay when their configuration goes.
fn remember(config: &mut Config, fields: &[Node]) {
    for table in TABLES {
        let name = format!("{table}TableConfigurationResult");
        let made = fields.iter().any(|field| field.name == name && field.child("TableArn").is_some());
        if made && !config.metadata_tables.contains(&table) {
            config.metadata_tables.push(table);
        }
    }
}

/// What a GET says of a table that was asked for.
fn result(table: &'static str, asked: &Node, in_the_way: bool, write: &Write<'_>) -> Result<Node, Refusal> {
    if let Some(encryption) = asked.child("EncryptionConfiguration") {
        match (encryption.get("SseAlgorithm"), encryption.get("KmsKeyArn")) {
            (Some("AES256"), None) | (Some("aws:kms"), Some(_)) => {}
            _ => return Err(Refusal::malformed()),
        }
    }
    let mut fields = Vec::new();
    let mut on = true;
    if table != "Journal" {
        let state = asked.get("ConfigurationState").unwrap_or_default();
        on = match state {
            "ENABLED" => true,
            "DISABLED" => false,
            _ => return Err(Refusal::malformed()),
        };
        fields.push(Node::leaf("ConfigurationState", state));
    }
    if on {
        let name = table.to_ascii_lowercase();
        fields.push(Node::leaf("TableStatus", if in_the_way { "FAILED" } else { "ACTIVE" }));
        if in_the_way {
            let code = Node::leaf("ErrorCode", format!("{table}TableAlreadyExists"));
            let said = format!("A table with the name {name} already exists");
            fields.push(Node::of("Error", vec![code, Node::leaf("ErrorMessage", said)]));
        }
        fields.push(Node::leaf("TableName", name.as_str()));
        fields.push(Node::leaf("TableArn", format!("{}/table/{name}", table_bucket(write))));
    }
    if table == "Journal" {
        fields.push(record_expiration(asked.child("RecordExpiration").ok_or_else(Refusal::malformed)?)?);
    }
    if let Some(role) = asked.get("Role").filter(|_| on) {
        fields.push(Node::leaf("Role", role));
    }
    // Encryption is taken and never answered.
    Ok(Node::of(&format!("{table}TableConfigurationResult"), fields))
}

fn record_expiration(asked: &Node) -> Result<Node, Refusal> {
    let days = asked.get("Days").map(str::parse::<i32>).transpose().map_err(|_| Refusal::malformed())?;
    match (asked.get("Expiration"), days) {
        (Some("DISABLED"), None) => {}
        // API page RecordExpiration.
        (Some("ENABLED"), Some(7..)) => {}
        (Some("ENABLED"), Some(_)) => return Err(Refusal::argument("Days must be 7 or more")),
        _ => return Err(Refusal::malformed()),
    }
    Ok(asked.clone())
}

fn table_bucket(write: &Write<'_>) -> String {
    format!("arn:aws:s3tables:us-east-1:{}:bucket/aws-s3", write.owner)
}

pub(super) fn not_found(bucket: &str) -> Refusal {
    let said = "The metadata configuration for the bucket does not exist";
    Refusal::new(404, "MetadataConfigurationNotFound", said).with("BucketName", bucket)
}

/// The elements of the configuration that is there.
fn current(config: &Config, write: &Write<'_>) -> Option<Vec<Node>> {
    let body = config.get(Word::MetadataConfiguration, write.bucket).ok()?;
    Some(Node::parse(&body)?.child("MetadataConfigurationResult")?.children.clone())
}

fn show(config: &mut Config, fields: Vec<Node>) {
    let inner = Node::of("MetadataConfigurationResult", fields);
    config.set(Word::MetadataConfiguration, &Node::of("GetBucketMetadataConfigurationResult", vec![inner]));
}
