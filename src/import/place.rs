//! Where the files stand. Names come from S3 and from files of others, so what becomes a path is
//! made of parts that lead nowhere else.

use crate::bucket::{AccountName, BucketName};

/// How files are laid out below the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `buckets/NAME.yaml`: there is one account.
    Flat,
    /// `buckets/ACCOUNT/NAME.yaml`.
    ByAccount,
}

impl Layout {
    /// The path of a bucket's file, with `/`.
    pub fn bucket(self, account: Option<&AccountName>, name: &BucketName) -> String {
        let name = part(name.as_str());
        match (self, account) {
            (Self::ByAccount, Some(account)) => format!("buckets/{}/{name}.yaml", part(account.as_str())),
            _ => format!("buckets/{name}.yaml"),
        }
    }

    /// The path of the file of an account's own settings.
    pub fn account(name: &AccountName) -> String {
        format!("accounts/{}.yaml", part(name.as_str()))
    }

    /// The path of the file of what buckets have in common.
    pub fn defaults(self) -> String {
        "defaults.yaml".to_owned()
    }
}

/// A name as one part of a path: no separator, nothing that leads upwards, nothing hidden.
fn part(name: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if legal(c) { c } else { '_' }).collect();
    match name.strip_prefix('.') {
        Some(rest) => format!("_{}", rest.replace("..", "__")),
        None => name.replace("..", "__"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_its_file_below_its_account() {
        let name = BucketName::parse("ai.data").expect("legal");
        let account = AccountName::parse("prod").expect("legal");
        assert_eq!(Layout::Flat.bucket(None, &name), "buckets/ai.data.yaml");
        assert_eq!(Layout::ByAccount.bucket(Some(&account), &name), "buckets/prod/ai.data.yaml");
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for name in ["..", ".", "../../etc", "a/b", "a\\b", "a\0b", ".git", "....", "a..b"] {
            let part = part(name);
            let good =
                !part.is_empty() && !part.starts_with('.') && !part.contains("..") && !part.contains(['/', '\\', '\0']);
            assert!(good, "{name:?} became {part:?}");
        }
        // An account may be called so.
        let account = AccountName::parse("..").expect("legal");
        let name = BucketName::parse("ai-data").expect("legal");
        assert_eq!(Layout::ByAccount.bucket(Some(&account), &name), "buckets/_./ai-data.yaml");
    }
}
