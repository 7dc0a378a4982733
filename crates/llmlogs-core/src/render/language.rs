//! The language of the failure text.

use std::env;

/// The language of the lines that report a failure in `output.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// `⚠️ API 调用失败`
    Chinese,
    /// `⚠️ API call failed`
    English,
}

impl Default for Language {
    /// [`Language::from_environment`].
    fn default() -> Self {
        Language::from_environment()
    }
}

impl Language {
    /// Returns the language of the user's locale: that of the first of the environment variables `LC_ALL`,
    /// `LC_MESSAGES` and `LANG` which is set and not empty, as gettext reads them. Chinese for `zh` and every locale
    /// that begins with it, else English.
    #[must_use]
    pub fn from_environment() -> Self {
        let variable = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let [all, messages, lang] = ["LC_ALL", "LC_MESSAGES", "LANG"].map(variable);
        Language::of_locale(all.as_deref(), messages.as_deref(), lang.as_deref())
    }

    /// Returns the language for the values of `LC_ALL`, `LC_MESSAGES` and `LANG`.
    fn of_locale(all: Option<&str>, messages: Option<&str>, lang: Option<&str>) -> Self {
        let locale = [all, messages, lang].into_iter().flatten().find(|value| !value.is_empty());
        match locale {
            Some(locale) if locale.starts_with("zh") => Language::Chinese,
            _ => Language::English,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_determines_the_language() {
        use Language::{Chinese, English};
        for (all, messages, lang, language) in [
            (None, None, None, English),
            (None, None, Some("zh_CN.UTF-8"), Chinese),
            (None, None, Some("zh"), Chinese),
            (None, None, Some("zh_TW"), Chinese),
            (None, None, Some("en_US.UTF-8"), English),
            (None, None, Some("C"), English),
            (None, None, Some("POSIX"), English),
            (None, Some("de_DE.UTF-8"), Some("zh_CN.UTF-8"), English),
            (None, Some("zh_HK"), Some("C.UTF-8"), Chinese),
            (Some("C"), Some("zh_CN"), Some("zh_CN"), English),
            (Some("zh_CN.UTF-8"), Some("C"), None, Chinese),
            (Some(""), Some(""), Some("zh_CN"), Chinese),
        ] {
            let found = Language::of_locale(all, messages, lang);
            assert_eq!(found, language, "{all:?} {messages:?} {lang:?}");
        }
    }
}
