mod backoff;
mod budget;
mod error_body;
mod failure;
mod judge;
mod limits;
mod server_delay;
