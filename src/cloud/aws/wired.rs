//! For tests: a cloud at the end of a network that answers as the test says, and notes who asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

use super::{Account, AccountOptions, AwsCloud, Meter};
use crate::bucket::{AccountId, AccountName, BucketId, BucketName, Region};
use crate::cloud::{Target, Unobserved};

/// A request as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub uri: String,
    pub headers: BTreeMap<String, String>,
}

impl Asked {
    /// Only the SDK's own orchestration counts its attempts.
    pub fn whole(&self) -> bool {
        self.headers.contains_key("amz-sdk-request")
    }
}

/// A network at the end of which everybody answers the same.
#[derive(Debug, Clone)]
pub struct Network {
    answer: Arc<Mutex<(u16, &'static str)>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Network {
    pub fn that_answers(status: u16, body: &'static str) -> Self {
        Self { answer: Arc::new(Mutex::new((status, body))), asked: Arc::default() }
    }

    pub fn now_answers(&self, status: u16, body: &'static str) {
        *self.answer.lock().expect("no panic") = (status, body);
    }

    /// What was asked since the last look.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }

    pub fn methods(&self) -> Vec<String> {
        self.asked().into_iter().map(|it| it.method).collect()
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (method, uri) = (request.method().to_owned(), request.uri().to_owned());
        self.asked.lock().expect("no panic").push(Asked { method, uri, headers });
        let (status, body) = *self.answer.lock().expect("no panic");
        let mut answer = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
        answer.headers_mut().insert("content-length", body.len().to_string());
        HttpConnectorFuture::ready(Ok(answer))
    }
}

/// A cloud of one account; without an endpoint it is AWS.
pub fn cloud(endpoint: Option<&str>, network: &Network) -> AwsCloud {
    let keys = aws_credential_types::Credentials::new("key", "secret", Some("token".to_owned()), None, "test");
    signed_by(SharedCredentialsProvider::new(keys), endpoint, network)
}

pub fn signed_by(keys: SharedCredentialsProvider, endpoint: Option<&str>, network: &Network) -> AwsCloud {
    let network = SharedHttpConnector::new(network.clone());
    let mut reader = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .credentials_provider(keys)
        .identity_cache(aws_config::identity::IdentityCache::lazy().build())
        .http_client(http_client_fn(move |_, _| network.clone()));
    reader.set_endpoint_url(endpoint.map(str::to_owned));
    let options = AccountOptions {
        name: AccountName::default(),
        id: AccountId::parse("111111111111").ok(),
        region: Region::us_east_1(),
        endpoint: endpoint.map(str::to_owned),
        control_endpoint: None,
        path_style: endpoint.is_some(),
        profile: None,
        role: None,
        writer_role: None,
        external_id: None,
    };
    let account = Account {
        id: options.id.clone(),
        options,
        reader: reader.build(),
        writer: None,
        meter: Meter { account: AccountName::default(), observer: Arc::new(Unobserved) },
        clients: Default::default(),
        makes_bare: false.into(),
        controls: Default::default(),
    };
    AwsCloud {
        accounts: HashMap::from([(AccountName::default(), account)]),
        foreign: Mutex::default(),
        remarks: Mutex::default(),
        illegal: Mutex::default(),
        places: Mutex::default(),
    }
}

pub fn target(name: &str) -> Target {
    let name = BucketName::parse(name).expect("legal");
    Target { id: BucketId { account: AccountName::default(), name }, region: Region::us_east_1() }
}
