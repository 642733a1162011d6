//! How a keyed set travels: read page by page, written id by id.

use std::collections::BTreeSet;
use std::future::Future;

use aws_sdk_s3::types::Tag;
use aws_smithy_types::error::operation::BuildError;

use super::{Element, Filter};
use crate::cloud::delete::{SubResource, not_apart};
use crate::cloud::wire::S3;
use crate::cloud::{S3Error, S3ErrorKind};

/// What S3 says to a DELETE when there is none of the id: so be it. An attempt before may have
/// removed it, whose answer was lost.
pub(in crate::settings) const GONE: &[&str] = &["NoSuchConfiguration"];

/// One page of a set, as S3 answered it.
pub(in crate::settings) struct Page<E> {
    pub elements: Vec<E>,
    /// Whether S3 says that there is more.
    pub truncated: Option<bool>,
    /// Where to go on.
    pub next: Option<String>,
}

/// The requests of a keyed set.
pub(in crate::settings) trait Requests {
    type Element: Element + Send + Sync;
    /// Where it stands.
    const WHAT: SubResource;
    /// The name of the operation that lists.
    const LIST: &'static str;

    /// One page of the list, from where a page before ended. A store that says that nothing is
    /// configured answers an empty one.
    fn page(s3: &S3<'_>, from: Option<String>) -> impl Future<Output = Result<Page<Self::Element>, S3Error>> + Send;
    /// Asks for one configuration; what is answered does not matter but when there is none.
    fn get(s3: &S3<'_>, id: &str) -> impl Future<Output = Result<(), S3Error>> + Send;
    /// Adds or replaces one configuration.
    fn put(s3: &S3<'_>, element: &Self::Element) -> impl Future<Output = Result<(), S3Error>> + Send;
    /// Removes one configuration, with a permit for exactly its id.
    fn delete(s3: &S3<'_>, id: &str) -> impl Future<Output = Result<(), S3Error>> + Send;
}

/// The wire half of a keyed set. The requests of one differ from those of another in names alone:
/// those of the operations, of the SDK's methods, and of the field that holds the list.
macro_rules! keyed_set {
    (
        $setting:ident as $name:literal:
        list $list:ident to $found:ident, get $get:ident, put $put:ident with $configuration:ident, delete $delete:ident;
        $elements:expr
    ) => {
        impl $crate::cloud::wire::Wire for $setting {
            const ELEMENTS: &'static [&'static str] = $elements;

            async fn read(s3: &$crate::cloud::wire::S3<'_>) -> Result<Value, $crate::cloud::S3Error> {
                Ok(Value { configurations: $crate::settings::keyed::wire::read::<Self>(s3).await? })
            }

            async fn write(
                s3: &$crate::cloud::wire::S3<'_>,
                from: &Value,
                to: &Value,
            ) -> Result<(), $crate::cloud::S3Error> {
                let (from, to) = (from.configurations.as_ref(), to.configurations.as_ref());
                $crate::settings::keyed::wire::write::<Self>(s3, from, to).await
            }
        }

        impl $crate::settings::keyed::wire::Requests for $setting {
            type Element = Configuration;
            const WHAT: $crate::cloud::delete::SubResource = $crate::cloud::delete::SubResource::$setting;
            const LIST: &'static str = concat!("ListBucket", $name, "Configurations");

            async fn page(
                s3: &$crate::cloud::wire::S3<'_>,
                from: Option<String>,
            ) -> Result<$crate::settings::keyed::wire::Page<Configuration>, $crate::cloud::S3Error> {
                let request = s3.client.$list().bucket(s3.bucket).set_expected_bucket_owner(s3.owner());
                let answer = request.set_continuation_token(from).send().await;
                let answer =
                    $crate::cloud::Fault::or_fault(answer, s3, Self::LIST, concat!("s3:Get", $name, "Configuration"))?;
                Ok($crate::settings::keyed::wire::Page {
                    elements: answer.$found.unwrap_or_default().into_iter().map(from_sdk).collect(),
                    truncated: answer.is_truncated,
                    next: answer.next_continuation_token,
                })
            }

            async fn get(s3: &$crate::cloud::wire::S3<'_>, id: &str) -> Result<(), $crate::cloud::S3Error> {
                let request = s3.client.$get().bucket(s3.bucket).set_expected_bucket_owner(s3.owner());
                let operation = concat!("GetBucket", $name, "Configuration");
                let action = concat!("s3:Get", $name, "Configuration");
                $crate::cloud::Fault::or_fault(request.id(id).send().await, s3, operation, action).map(drop)
            }

            async fn put(
                s3: &$crate::cloud::wire::S3<'_>,
                element: &Configuration,
            ) -> Result<(), $crate::cloud::S3Error> {
                let operation = concat!("PutBucket", $name, "Configuration");
                let configuration = to_sdk(element)
                    .map_err(|error| s3.misuse(operation, $crate::cloud::S3ErrorKind::Invalid, &error.to_string()))?;
                let request = s3.client.$put().bucket(s3.bucket).set_expected_bucket_owner(s3.owner());
                let answer = request.id(&element.id).$configuration(configuration).send().await;
                let action = concat!("s3:Put", $name, "Configuration");
                $crate::cloud::Fault::or_fault(answer, s3, operation, action).map(drop)
            }

            async fn delete(s3: &$crate::cloud::wire::S3<'_>, id: &str) -> Result<(), $crate::cloud::S3Error> {
                let request = s3.client.$delete().bucket(s3.bucket).set_expected_bucket_owner(s3.owner());
                let permit = s3.may_delete_one(Self::WHAT, id)?;
                let answer = request.id(id).customize().interceptor(permit).send().await;
                let operation = concat!("DeleteBucket", $name, "Configuration");
                let action = concat!("s3:Put", $name, "Configuration");
                let gone = $crate::settings::keyed::wire::GONE;
                $crate::cloud::Fault::or_none(answer, s3, operation, action, gone).map(drop)
            }
        }
    };
}
pub(in crate::settings) use keyed_set;

/// The whole set. S3 gives at most 100 configurations at once, and half a set is no set: what
/// stands on the pages that were not read would be taken for foreign, or for not there.
pub(in crate::settings) async fn read<R: Requests>(s3: &S3<'_>) -> Result<Option<Vec<R::Element>>, S3Error> {
    let broken = |said: String| Err(s3.misuse(R::LIST, S3ErrorKind::Transport, &said));
    let mut set: Vec<R::Element> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut from = None;
    loop {
        let Page { elements, truncated, next } = R::page(s3, from.take()).await?;
        let next = next.filter(|next| !next.is_empty());
        let more = truncated.unwrap_or(next.is_some());
        if more && elements.is_empty() {
            return broken("an empty page says that there is more".to_owned());
        }
        for element in elements {
            // A store that passes the token over gives the first page for ever.
            if !seen.insert(element.id().to_owned()) {
                return broken(format!("`{}` is listed twice", element.id()));
            }
            set.push(element);
        }
        if !more {
            return Ok(Some(set).filter(|set| !set.is_empty()));
        }
        let Some(next) = next else { return broken("the list goes on and does not say where".to_owned()) };
        from = Some(next);
    }
}

/// One PUT for each configuration that changes or is new, one DELETE for each that goes. What is
/// new comes before what goes, so that nobody is without a report in between.
pub(in crate::settings) async fn write<R: Requests>(
    s3: &S3<'_>,
    from: Option<&Vec<R::Element>>,
    to: Option<&Vec<R::Element>>,
) -> Result<(), S3Error> {
    let (from, to) = (from.map_or(&[][..], Vec::as_slice), to.map_or(&[][..], Vec::as_slice));
    let mut gone = Vec::new();
    for element in from {
        if !to.iter().any(|it| it.id() == element.id()) {
            gone.push(element.id());
        }
    }
    if !gone.is_empty() {
        look_for_nobody::<R>(s3, from).await?;
    }
    for element in to.iter().filter(|it| !from.contains(it)) {
        R::put(s3, element).await?;
    }
    for (done, id) in gone.into_iter().enumerate() {
        if done > 0 {
            // On a store that does not know the sub-resource the bucket itself would be gone; after
            // the last one the cloud looks anyway.
            s3.look().await?;
        }
        R::delete(s3, id).await?;
    }
    Ok(())
}

/// Asks for a configuration that is not there. moto lists inventories, and takes the DELETE of one
/// for that of the bucket; a store that has them as S3 does says `NoSuchConfiguration`, and only
/// then is a DELETE sent.
async fn look_for_nobody<R: Requests>(s3: &S3<'_>, from: &[R::Element]) -> Result<(), S3Error> {
    let mut nobody = "driftless-looks-for-nobody".to_owned();
    while from.iter().any(|it| it.id() == nobody) {
        nobody.push('-');
    }
    match R::get(s3, &nobody).await {
        Err(error) if error.status == 404 && GONE.contains(&error.code.as_str()) => {
            s3.tells_apart(R::WHAT);
            Ok(())
        }
        // It may be said when somebody asks again, or may look.
        Err(error) if error.kind.is_transient() || error.kind == S3ErrorKind::Denied => Err(error),
        _ => Err(not_apart(R::WHAT, s3.bucket)),
    }
}

/// The tags of objects, as the SDK has them.
pub(in crate::settings) fn tags_to_sdk(filter: &Filter) -> Result<Vec<Tag>, BuildError> {
    filter.tags.iter().flatten().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// A filter from its parts, wherever they stood.
pub(in crate::settings) fn filter_from_sdk(prefix: Option<String>, tags: Vec<Tag>) -> Filter {
    let tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    Filter { prefix, tags: Some(tags) }
}
