//! Reflection: tools ask the daemon what it speaks. Nearly no run is asked, and to index the contract is
//! half of all that a start has to do: that is done when somebody asks.

use std::convert::Infallible;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::service::Routes;

/// The contract.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pagewire.v1.bin"));

static INDEXED: LazyLock<Routes> = LazyLock::new(|| {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("the descriptors that build.rs made are valid");
    Routes::new(reflection)
});

/// The service.
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
