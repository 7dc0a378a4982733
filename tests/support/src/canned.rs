//! Answers without a network, at once: a bench over them measures the middleware alone.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};

pub const URL: &str = "https://api.openai.com/v1/chat/completions";

/// Stands last and answers every request with the same chunks.
pub struct Canned {
    pub content_type: &'static str,
    pub chunks: Vec<Bytes>,
}

#[async_trait::async_trait]
impl Middleware for Canned {
    async fn handle(&self, _: Request, _: &mut http::Extensions, _: Next<'_>) -> Result<Response> {
        // A vector of references: as cheap as a body can come from anywhere.
        let body = reqwest::Body::wrap(Chunks(self.chunks.clone().into_iter()));
        let response = http::Response::builder().header("content-type", self.content_type).body(body);
        Ok(response.map_err(reqwest_middleware::Error::middleware)?.into())
    }
}

struct Chunks(std::vec::IntoIter<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.next().map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// A client whose requests `canned` answers, behind `middleware` if there is one.
pub fn client(canned: Canned, middleware: Option<impl Middleware>) -> ClientWithMiddleware {
    let mut builder = ClientBuilder::new(reqwest::Client::new());
    if let Some(middleware) = middleware {
        builder = builder.with(middleware);
    }
    builder.with(canned).build()
}

/// Sends `body` and reads the answer to its end; returns the answer's length.
pub async fn call(client: &ClientWithMiddleware, body: &Bytes) -> usize {
    let request = client.post(URL).header("content-type", "application/json").body(body.clone());
    let mut response = request.send().await.unwrap();
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        length += chunk.len();
    }
    length
}

/// A runtime for one thread.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
