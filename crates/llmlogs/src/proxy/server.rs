//! The listening socket of an upstream.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::any;
use axum::serve::ListenerExt;
use reqwest_middleware::ClientWithMiddleware;
use tokio::sync::watch;

use crate::outcome::CliError;

use super::forward::forward;
use super::upstream::Upstream;

/// A port, and the API behind it.
#[derive(Debug)]
pub(crate) struct Proxy {
    listener: TcpListener,
    address: SocketAddr,
    upstream: Upstream,
}

impl Proxy {
    /// Listens at `address`; a port of 0 means a free one.
    pub(crate) fn bind(address: SocketAddr, upstream: Upstream) -> Result<Self, CliError> {
        let failed = |error| CliError::Failed(format!("cannot listen on {address}: {error}"));
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Proxy { listener, address, upstream })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }
}

/// How long requests on their way may take when the proxy is to end.
const GRACE: Duration = Duration::from_secs(5);

/// Passes requests on, but for those to the path `health`, until `end` is true; then those on their way may finish, for some seconds.
pub(crate) async fn serve(
    proxies: Vec<Proxy>,
    client: &ClientWithMiddleware,
    health: Option<&str>,
    end: watch::Receiver<bool>,
) -> Result<(), CliError> {
    let failed = |error| CliError::Failed(format!("cannot serve: {error}"));
    let mut tasks = tokio::task::JoinSet::new();
    for proxy in proxies {
        let listener = tokio::net::TcpListener::from_std(proxy.listener).map_err(failed)?;
        // A chunk is sent on when it comes, not when a packet is full.
        let listener = listener.tap_io(|stream| {
            // The connection works without it, too, only slower.
            let _unset = stream.set_nodelay(true);
        });
        let (client, upstream) = (client.clone(), Arc::new(proxy.upstream));
        let router = Router::new().fallback(move |request: Request| {
            let (client, upstream) = (client.clone(), upstream.clone());
            async move { forward(&client, &upstream, request).await }
        });
        let router = match health {
            Some(path) => router.route(path, any(async || StatusCode::OK)),
            None => router,
        };
        let until = ended(end.clone());
        tasks.spawn(async move { axum::serve(listener, router).with_graceful_shutdown(until).await });
    }
    ended(end).await;
    let all = async { while tasks.join_next().await.is_some() {} };
    let _in_time = tokio::time::timeout(GRACE, all).await;
    Ok(())
}

async fn ended(mut end: watch::Receiver<bool>) {
    // An error means that nobody can say it any more.
    let _said = end.wait_for(|end| *end).await;
}
