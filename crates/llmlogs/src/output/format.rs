//! Numbers and times for people.

use chrono::{DateTime, Datelike, Local, Utc};

/// Formats times, in local time unless UTC was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    utc: bool,
    this_year: i32,
}

impl Clock {
    pub(crate) fn new(utc: bool) -> Self {
        Clock { utc, this_year: Local::now().year() }
    }

    fn at(self, seconds: f64) -> Option<DateTime<chrono::FixedOffset>> {
        let time = DateTime::<Utc>::from_timestamp_millis((seconds * 1000.0).round() as i64)?;
        Some(if self.utc { time.fixed_offset() } else { time.with_timezone(&Local).fixed_offset() })
    }

    /// `2025-10-27 04:02:10`, with `Z` behind it for UTC.
    pub(crate) fn full(self, seconds: f64) -> String {
        self.show(seconds, "%Y-%m-%d %H:%M:%S")
    }

    /// `10-27 04:02:10`, with the year where it is another than this one.
    pub(crate) fn short(self, seconds: f64) -> String {
        match self.at(seconds) {
            Some(time) if time.year() == self.this_year => self.show(seconds, "%m-%d %H:%M:%S"),
            _ => self.full(seconds),
        }
    }

    /// `04:02:10`
    pub(crate) fn time(self, seconds: f64) -> String {
        self.show(seconds, "%H:%M:%S")
    }

    /// `2025-10-27`
    pub(crate) fn date(self, seconds: f64) -> String {
        self.at(seconds).map_or_else(String::new, |time| time.format("%Y-%m-%d").to_string())
    }

    /// The hour of the day.
    pub(crate) fn hour(self, seconds: f64) -> usize {
        self.at(seconds).map_or(0, |time| chrono::Timelike::hour(&time) as usize)
    }

    /// The beginning of the hour: RFC 3339.
    pub(crate) fn hour_start(self, seconds: f64) -> String {
        self.at(seconds).map_or_else(String::new, |time| time.format("%Y-%m-%dT%H:00:00%:z").to_string())
    }

    fn show(self, seconds: f64, layout: &str) -> String {
        if seconds == 0.0 {
            return "?".to_owned();
        }
        let suffix = if self.utc { "Z" } else { "" };
        self.at(seconds).map_or_else(|| "?".to_owned(), |time| format!("{}{suffix}", time.format(layout)))
    }
}

/// Now, in Unix seconds.
pub(crate) fn now() -> f64 {
    Utc::now().timestamp_millis() as f64 / 1000.0
}

/// `812ms`, `2.5s`, `1m02s`, `3h04m`, `2d03h`
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms.saturating_add(500) / 1000;
    match ms {
        0..1000 => format!("{ms}ms"),
        1000..10_000 => format!("{:.2}s", ms as f64 / 1000.0),
        10_000..59_950 => format!("{:.1}s", ms as f64 / 1000.0),
        _ if seconds < 3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ if seconds < 86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// `1,234,567`
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `999`, `1,296`, `12.9k`, `3.4M`
pub(crate) fn compact(number: u64) -> String {
    match number {
        0..10_000 => grouped(number),
        10_000..1_000_000 => format!("{:.1}k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", number as f64 / 1e6),
        _ => format!("{:.1}G", number as f64 / 1e9),
    }
}

/// `0.00163 CNY`; at least three digits that mean something.
pub(crate) fn money(amount: f64, currency: &str) -> String {
    let decimals = match amount.abs() {
        0.0 => 0,
        size if size >= 10.0 => 2,
        size if size >= 0.1 => 3,
        size => (2.0 - size.log10().floor()).clamp(3.0, 10.0) as usize,
    };
    let mut digits = format!("{amount:.decimals$}");
    if amount.abs() < 10.0 && digits.contains('.') {
        digits.truncate(digits.trim_end_matches('0').trim_end_matches('.').len());
    }
    if currency.is_empty() { digits } else { format!("{digits} {currency}") }
}

/// `97.2%`; never 100 or 0 where it is not quite so.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let share = part as f64 * 100.0 / whole as f64;
    if part == whole || part == 0 {
        format!("{share:.0}%")
    } else {
        format!("{:.1}%", share.clamp(0.1, 99.9))
    }
}

/// `12.3 MB`, in thousands as disks count.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// `1 call`, `2 calls`
pub(crate) fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// Bars, one for each value, the highest full.
pub(crate) fn sparkline(values: &[f64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = values.iter().copied().fold(0.0, f64::max);
    let bar = |value: &f64| match *value {
        value if value <= 0.0 || highest <= 0.0 => ' ',
        value => BARS[((value / highest * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    values.iter().map(bar).collect()
}

/// A bar of `columns` at most, in eighths.
pub(crate) fn bar(share: f64, columns: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * columns as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!([compact(999), compact(12_900), compact(3_400_000)], ["999", "12.9k", "3.4M"]);
        assert_eq!([duration(812), duration(2500), duration(62_000)], ["812ms", "2.50s", "1m02s"]);
        assert_eq!(duration(59_990), "1m00s");
        assert_eq!(duration(11_040_000), "3h04m");
        assert_eq!(
            [money(0.00163, "CNY"), money(12.345, "USD"), money(0.5, "")],
            ["0.00163 CNY", "12.35 USD", "0.5"]
        );
        assert_eq!(money(0.0, "USD"), "0 USD");
        assert_eq!([percent(1, 3), percent(1, 100_000), percent(3, 3)], ["33.3%", "0.1%", "100%"]);
        assert_eq!(sparkline(&[0.0, 1.0, 8.0]), " ▁█");
        assert_eq!(bar(0.5, 3), "█▌");
    }
}
