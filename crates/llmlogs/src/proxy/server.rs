//! The listening socket of an upstream.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::{Listener, ListenerExt};
use futures_util::future::select;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use reqwest_middleware::ClientWithMiddleware;
use tokio::sync::watch;

use crate::outcome::CliError;

use super::forward::Forwarding;
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
        let forwarding = Forwarding {
            client: client.clone(),
            upstream: proxy.upstream,
            health: health.map(str::to_owned),
        };
        let until = ended(end.clone());
        tasks.spawn(async move {
            let connections = GracefulShutdown::new();
            let accepting = accept(listener, Arc::new(forwarding), &connections);
            select(pin!(accepting), pin!(until)).await;
            connections.shutdown().await;
        });
    }
    ended(end).await;
    let all = async { while tasks.join_next().await.is_some() {} };
    let _in_time = tokio::time::timeout(GRACE, all).await;
    Ok(())
}

/// Serves each connection that comes, for as long as this is polled.
async fn accept(
    listener: tokio::net::TcpListener,
    forwarding: Arc<Forwarding>,
    connections: &GracefulShutdown,
) {
    // A chunk is sent on when it comes, not when a packet is full.
    let mut listener = listener.tap_io(|stream| {
        // The connection works without it, too, only slower.
        let _unset = stream.set_nodelay(true);
    });
    loop {
        // Waits and tries again where it fails, as when too many files are open.
        let (stream, _address) = Listener::accept(&mut listener).await;
        let forwarding = forwarding.clone();
        let service = service_fn(move |request| {
            let forwarding = forwarding.clone();
            async move { Ok::<_, Infallible>(forwarding.answer(request).await) }
        });
        // axum's own server would add a `Date` to what has none.
        let connection = http1::Builder::new()
            .auto_date_header(false)
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // The client went away, or sent what is no HTTP: nobody is left to be told.
            let _ended = connection.await;
        });
    }
}

async fn ended(mut end: watch::Receiver<bool>) {
    // An error means that nobody can say it any more.
    let _said = end.wait_for(|end| *end).await;
}
