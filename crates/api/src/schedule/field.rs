//! One field of a schedule: which numbers it names.

use super::Unusable;

/// Numbers below 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) fn has(self, number: u8) -> bool {
        number < 64 && self.0 & (1 << number) != 0
    }

    /// The lowest of them; 64 where there is none.
    pub(super) fn lowest(self) -> u32 {
        self.0.trailing_zeros()
    }

    fn add(&mut self, number: u8) {
        self.0 |= 1 << u32::from(number).min(63);
    }
}

/// What a field can say.
pub(super) struct Field {
    name: &'static str,
    first: u8,
    last: u8,
    /// Words for the numbers from `first` on.
    words: &'static [&'static str],
    range: &'static str,
}

pub(super) const MINUTE: Field = Field { name: "minute", first: 0, last: 59, words: &[], range: "0 to 59" };
pub(super) const HOUR: Field = Field { name: "hour", first: 0, last: 23, words: &[], range: "0 to 23" };
pub(super) const DAY: Field = Field { name: "day of the month", first: 1, last: 31, words: &[], range: "1 to 31" };
pub(super) const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    range: "1 to 12, or jan to dec",
};
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day of the week",
    first: 0,
    last: 7,
    words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    range: "0 to 7 with 0 and 7 for Sunday, or sun to sat",
};

impl Field {
    /// Whether a field of this text leaves everything open.
    pub(super) fn is_any(text: &str) -> bool {
        text == "*" || text == "*/1"
    }

    /// Whether a field of this text says `every` or `every so many`.
    pub(super) fn is_regular(text: &str) -> bool {
        text == "*" || text.contains('/')
    }

    /// All that it can name.
    pub(super) fn all(&self) -> Set {
        self.numbers(self.first, self.last, 1)
    }

    /// The numbers that the text names.
    pub(super) fn parse(&self, text: &str) -> Result<Set, Unusable> {
        let mut items = text.split(',').map(|item| self.item(item));
        items.try_fold(Set::default(), |all, item| Ok(Set(all.0 | item?.0)))
    }

    fn item(&self, item: &str) -> Result<Set, Unusable> {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((first, last)) => (self.number(first)?, self.last_of(first, last)?),
            None if step.is_some() => {
                let message = format!("{item:?} has a step without a range");
                let help = format!("write `{}-{}/{}`", self.number(range)?, self.last, step.unwrap_or_default());
                return Err(Unusable::new(message, help));
            }
            None => (self.number(range)?, self.number(range)?),
        };
        if first > last {
            let message = format!("the range {range:?} goes backwards");
            return Err(Unusable::new(message, "write two, such as `22-23,0-5`"));
        }
        Ok(self.numbers(first, last, step.map_or(Ok(1), |step| self.step(item, step))?))
    }

    /// The end of a range: `fri-sun` ends with the other Sunday.
    fn last_of(&self, first: &str, last: &str) -> Result<u8, Unusable> {
        let (first, number) = (self.number(first)?, self.number(last)?);
        let is_end = self.last == DAY_OF_WEEK.last && number == 0 && first > 0;
        Ok(if is_end { DAY_OF_WEEK.last } else { number })
    }

    fn step(&self, item: &str, step: &str) -> Result<u8, Unusable> {
        let number = step.parse::<u8>().ok().filter(|number| (1..=self.last).contains(number));
        number.ok_or_else(|| {
            let message = format!("the step of {item:?} is no number from 1 to {}", self.last);
            Unusable::new(message, "write `*/15` for every 15th minute")
        })
    }

    fn number(&self, text: &str) -> Result<u8, Unusable> {
        let word = self.words.iter().position(|word| text.eq_ignore_ascii_case(word));
        let word = word.and_then(|place| u8::try_from(place).ok()).map(|place| place.saturating_add(self.first));
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let read = word.or_else(|| text.parse().ok().filter(|_| is_plain));
        read.filter(|number| (self.first..=self.last).contains(number)).ok_or_else(|| {
            let shown = if read.is_some() { text.to_owned() } else { format!("{text:?}") };
            Unusable::new(format!("{shown} is no {}", self.name), format!("use {}", self.range))
        })
    }

    fn numbers(&self, first: u8, last: u8, step: u8) -> Set {
        let mut set = Set::default();
        for number in (first..=last).step_by(usize::from(step.max(1))) {
            // Both ends of the week are Sunday.
            set.add(if self.last == DAY_OF_WEEK.last { number % DAY_OF_WEEK.last } else { number });
        }
        set
    }
}
