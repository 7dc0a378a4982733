//! `llmlogs run`: a program, and beside it the proxies that record its calls.

mod child;
mod environment;
mod recipes;
mod summary;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::args::{Global, Run};
use crate::outcome::{CliError, Outcome};
use crate::output::format::Clock;
use crate::output::out::complain;
use crate::page::{Page, Token};
use crate::proxy::{Proxy, Recorder, Settings, Upstream, serve};

use environment::{Change, Environment};

pub(crate) fn run(global: &Global, args: &Run) -> Result<Outcome, CliError> {
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(CliError::Usage("there is no command to run".to_owned()));
    };
    let name = Path::new(program).file_stem().map(|name| name.to_string_lossy()).unwrap_or_default();
    let recipes = recipes::chosen(&args.clients, &name).map_err(CliError::Usage)?;
    let environment = Environment::of_process();
    let mut settings = recipes::settings(&recipes, &environment).map_err(CliError::Usage)?;
    settings.add(&args.set);
    let mut proxies: Vec<Proxy> = Vec::new();
    let changes = settings.changes(&environment, |upstream| port_of(&mut proxies, upstream))?;
    let more_arguments = recipes::arguments(&recipes, |upstream| port_of(&mut proxies, upstream))?;
    for change in &changes {
        complain(&format!("{change}"));
    }
    if args.print_env {
        return environment::print(&changes, &more_arguments);
    }
    let recorder = Recorder::start(Settings::new(global, &args.recording)?)?;
    if args.serve {
        show_page(global, recorder.root())?;
    }
    let runtime = runtime()?;
    let client = recorder.client().clone();
    let (end, ended) = tokio::sync::watch::channel(false);
    let serving = runtime.spawn(async move { serve(proxies, &client, None, ended).await });
    let mut command = std::process::Command::new(program);
    command.args(&more_arguments).args(arguments).envs(changes.iter().map(Change::pair));
    let status = child::run(command, &name);
    end.send_replace(true);
    let _served = runtime.block_on(serving);
    drop(runtime);
    let dir = recorder.finish();
    if !args.quiet {
        complain(&summary::of(&dir));
    }
    Ok(Outcome::Status(status?))
}

/// Serves the page of `root` for as long as this process runs.
fn show_page(global: &Global, root: PathBuf) -> Result<(), CliError> {
    let token = Token::random().map_err(CliError::Failed)?;
    let page = Page::bind(0, vec![root], Some(token), &[], Clock::new(global.utc))?;
    complain(&page.url());
    let serving = std::thread::Builder::new().name("llmlogs-page".to_owned()).spawn(move || {
        if let Err(CliError::Failed(message)) = page.run() {
            complain(&message);
        }
    });
    serving.map(drop).map_err(|error| CliError::Failed(format!("cannot show the page: {error}")))
}

/// Returns the port of the proxy for `upstream`, which is made if there is none yet.
fn port_of(proxies: &mut Vec<Proxy>, upstream: &Upstream) -> Result<u16, CliError> {
    if let Some(proxy) = proxies.iter().find(|proxy| proxy.upstream().has_origin_of(upstream)) {
        return Ok(proxy.port());
    }
    let proxy = Proxy::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), upstream.clone())?;
    let port = proxy.port();
    proxies.push(proxy);
    Ok(port)
}

/// Returns the runtime on which requests are passed on.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::Failed(format!("cannot start: {error}")))
}

/// Returns when the process is asked to end.
pub(crate) async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let mut waiting: Vec<_> = signals.into_iter().filter_map(|kind| signal(kind).ok()).collect();
        let any = waiting.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures_util::future::select_all(any).await;
    }
    #[cfg(not(unix))]
    let _pressed = tokio::signal::ctrl_c().await;
}
