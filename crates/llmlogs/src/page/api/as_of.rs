//! As of when a list is shown: what happened later is no part of it, so that its places stay the same.

use std::sync::Arc;

use crate::page::answer::{ApiError, Asker};
use crate::page::feed::Known;
use crate::page::params::Params;
use crate::page::shared::Shared;

use super::live::{id, parse_id};

/// Returns what is known of the root, as of the parameter `as_of` where there is one and that is still known.
pub(crate) fn known(shared: &Shared, params: &Params, asker: &Asker) -> Result<Known, ApiError> {
    let Known { snapshot, as_of } = of_time(shared, params)?;
    Ok(Known { snapshot: Arc::new(snapshot.while_waited_for(asker.gone())), as_of })
}

fn of_time(shared: &Shared, params: &Params) -> Result<Known, ApiError> {
    let number = params.root()?;
    let Some(text) = params.text("as_of") else { return Ok(shared.feed.known(number)) };
    let is_id = text
        .split_once('-')
        .is_some_and(|(run, number)| u64::from_str_radix(run, 16).is_ok() && number.parse::<u64>().is_ok());
    if !is_id {
        return Err(ApiError::Usage("as_of is not that of an answer".to_owned()));
    }
    Ok(match parse_id(&shared.feed, text) {
        Some(as_of) => shared.feed.known_as_of(number, as_of),
        // Another run's.
        None => shared.feed.known(number),
    })
}

/// Returns the text by which later questions ask for the same list.
pub(crate) fn text(shared: &Shared, known: &Known) -> String {
    id(&shared.feed, known.as_of)
}
