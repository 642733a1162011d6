//! Words of S3 that are closed for a spec and open for what S3 answers.

/// Makes an enum of S3's words. A spec can only say the words that are listed, because the JSON
/// Schema names no other; a word that S3 adds later is carried as it is, so that a write of
/// something else in the same document does not lose it.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident as $schema:literal { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[schemars(rename = $schema)]
        pub enum $name {
            $($(#[$word_doc])* #[serde(rename = $word)] $variant,)+
            /// A word that S3 answered and that this version does not know.
            #[serde(untagged)]
            #[schemars(skip)]
            Other(String),
        }

        impl $name {
            /// The words that a spec may say.
            pub const KNOWN: &'static [&'static str] = &[$($word),+];

            /// The word as S3 writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}

pub(crate) use words;

/// `` `A`, `B` and `C` ``, for hints.
pub(crate) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}

/// A list whose order means nothing in its one form: sorted, each element once, `None` when empty.
pub(crate) fn sorted<T: Ord>(mut list: Vec<T>) -> Option<Vec<T>> {
    list.sort();
    list.dedup();
    Some(list).filter(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{listed, sorted};

    words! {
        /// Two words.
        Word as "testWord" {
            /// The first.
            First = "FIRST",
            /// The second.
            Second = "SECOND",
        }
    }

    #[test]
    fn a_word_that_s3_adds_later_is_carried_as_it_is() {
        let word: Word = serde_json::from_str("\"THIRD\"").expect("a word");
        assert_eq!(word, Word::Other("THIRD".to_owned()));
        assert_eq!(serde_json::to_string(&word).expect("text"), "\"THIRD\"");
        assert_eq!(Word::from("THIRD"), word);
    }

    #[test]
    fn a_listed_word_has_one_form() {
        let word: Word = serde_json::from_str("\"FIRST\"").expect("a word");
        assert_eq!((&word, word.as_str()), (&Word::from("FIRST"), "FIRST"));
        assert_eq!(Word::from("SECOND"), Word::Second);
        assert_eq!(Word::KNOWN, ["FIRST", "SECOND"]);
    }

    /// The schema is what keeps a mistyped word out of a spec.
    #[test]
    fn the_schema_names_the_listed_words_only() {
        let schema = schemars::schema_for!(Word).to_value();
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(validator.is_valid(&serde_json::json!("FIRST")));
        assert!(!validator.is_valid(&serde_json::json!("THIRD")));
    }

    #[test]
    fn a_list_without_order_has_one_form() {
        assert_eq!(sorted(vec![2, 1, 2]), Some(vec![1, 2]));
        assert_eq!(sorted(Vec::<u8>::new()), None);
    }

    #[test]
    fn words_are_listed_as_people_do() {
        assert_eq!(listed(&["A", "B", "C"]), "`A`, `B` and `C`");
        assert_eq!(listed(&["A"]), "`A`");
    }
}
