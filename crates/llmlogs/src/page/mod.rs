//! The page: what happens and what happened, in a browser on this machine. Read only.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `server` | the listening socket, and the way of a request through `headers` and `guard` to `api` or `assets` |
//! | `headers` | what every response carries, so that a browser protects it |
//! | `guard` | who may ask: method, `Host`, `Origin`, token; before anything is decoded or routed |
//! | `hosts`, `token` | the names the page has, the secret in its address |
//! | `answer` | how a question is answered, on a thread that may block |
//! | `shared` | what the answers are made of |
//! | `params` | root, filter and range from a URL |
//! | `roots` | the roots that are shown |
//! | `api` | the answers as JSON, a file a question |
//! | `html` | pages that are rendered here: a call, a comparison, a session's trace |
//! | `links` | the addresses of the pages |
//! | `session_dir` | from an address to a session |
//! | `call_dir` | from an address to the folder of a call |
//! | `feed` | events of calls as they happen |
//! | `metrics` | counts for Prometheus |
//! | `assets` | files for the browser, which are part of the program |

mod answer;
mod api;
mod assets;
mod call_dir;
mod feed;
mod guard;
mod headers;
mod hosts;
mod html;
mod links;
mod metrics;
mod params;
mod roots;
mod server;
mod session_dir;
mod shared;
mod token;

pub(crate) use server::Page;
pub(crate) use token::Token;
