//! Server reflection, with which tools discover the contract. Indexing the contract takes half of the
//! daemon's start-up time and few runs are ever queried, so it is indexed at the first query.

use std::convert::Infallible;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::service::Routes;

/// Descriptors of the contract, from build.rs.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pagewire.v1.bin"));

static INDEXED: LazyLock<Routes> = LazyLock::new(|| {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("build.rs writes valid descriptors");
    Routes::new(reflection)
});

/// Reflection service that is indexed at its first call.
#[derive(Clone)]
pub(super) struct Reflection;

impl NamedService for Reflection {
    const NAME: &'static str = "grpc.reflection.v1.ServerReflection";
}

impl Service<Request<Body>> for Reflection {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Routes as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        INDEXED.clone().call(request)
    }
}
