//! A reverse proxy on this machine that records what goes through it: one port an API.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `upstream` | the API behind a port: its origin |
//! | `server` | the listening socket of an upstream |
//! | `refusal` | which requests are not passed on, and what they are answered |
//! | `headers` | which headers are of one connection only |
//! | `request_body` | the body of a request: whole, so that it can be recorded, or as it comes |
//! | `forward` | a request on its way to the upstream, and the response on its way back |
//! | `recorder` | the recorder's settings, and the client that it watches |

mod forward;
mod headers;
mod recorder;
mod refusal;
mod request_body;
mod server;
mod upstream;

pub(crate) use recorder::{Recorder, Settings};
pub(crate) use server::{Proxy, serve};
pub(crate) use upstream::Upstream;
