//! Names of AWS resources (ARNs) inside of settings: whether they are well-formed, and where the
//! resource is.

use crate::bucket::Region;
use crate::setting::{Beside, Problem};

/// The parts of an ARN (AWS General Reference, "Amazon Resource Names").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    /// `sqs`, `kms`, …
    pub service: &'a str,
    /// The region; empty for resources that have none.
    pub region: &'a str,
    /// Everything after the account.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart. `None` when it is none, or that of a resource without an account.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition) = (parts.next()?, parts.next()?);
        let (service, region, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let well_formed = scheme == "arn"
            && (partition == "aws" || partition.starts_with("aws-"))
            && !service.is_empty()
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && !resource.is_empty()
            && !text.contains(char::is_whitespace);
        well_formed.then_some(Self { service, region, resource })
    }

    /// The region, when it has the form of one.
    pub(crate) fn place(&self) -> Option<Region> {
        Region::parse(self.region).ok()
    }
}

/// What is wrong with a resource that has to be in the bucket's region, when its document names
/// another one.
pub(crate) fn elsewhere(pointer: String, what: &str, arn: &str, beside: &Beside) -> Option<Problem> {
    let (here, there) = (beside.region.as_ref()?, Arn::parse(arn)?.place()?);
    (*here != there).then(|| {
        Problem::at(pointer, format!("{what} is in {there}, the bucket in {here}"))
            .hint("S3 takes only one of the bucket's own region")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_parts_and_an_account() {
        let queue = Arn::parse("arn:aws-cn:sqs:cn-north-1:123456789012:jobs").expect("an ARN");
        assert_eq!((queue.service, queue.resource), ("sqs", "jobs"));
        assert_eq!(queue.place().expect("a region").as_str(), "cn-north-1");
        let function = Arn::parse("arn:aws:lambda:us-east-1:123456789012:function:index:live").expect("an ARN");
        assert_eq!(function.resource, "function:index:live");
        for text in [
            "",
            "jobs",
            "arn:aws:sqs:us-east-1:123456789012",
            "arn:aws:sqs:us-east-1:123456789012:",
            "arn:aws:sqs:us-east-1:12345678901:jobs",
            "arn:aws:sqs:us-east-1::jobs",
            "arn:google:sqs:us-east-1:123456789012:jobs",
            "arn:aws:sqs:us-east-1:123456789012:jo bs",
            "ARN:aws:sqs:us-east-1:123456789012:jobs",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_resource_without_a_region_is_nowhere_else() {
        let here = Beside { bucket: None, region: Region::parse("eu-west-1").ok() };
        let problem = |arn: &str, beside: &Beside| elsewhere("/arn".to_owned(), "the queue", arn, beside);
        let queue = "arn:aws:sqs:us-east-1:123456789012:jobs";
        let said = problem(queue, &here).expect("another region");
        assert_eq!(said.message, "the queue is in us-east-1, the bucket in eu-west-1");
        assert_eq!(problem(queue, &Beside::default()), None);
        assert_eq!(problem(&queue.replace("us-east-1", "eu-west-1"), &here), None);
        assert_eq!(problem("arn:aws:iam::123456789012:role/r", &here), None);
    }
}
