//! Axes: from values to places, and the values that are labelled.

/// An axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    from: f64,
    to: f64,
    kind: Kind,
}

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    /// By powers of ten.
    Logarithmic,
    /// Logarithmic, by [`TIMES_US`].
    Times,
}

/// About how many values of an axis are labelled.
const TICKS: f64 = 6.0;

/// The times that an axis has labels for, in microseconds: from 1 µs to 1000 days.
const TIMES_US: [f64; 14] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 6e7, 6e8, 3.6e9, 3.6e10, 8.64e11, 8.64e13];

impl Scale {
    /// From one value to another, larger one.
    pub fn linear(from: f64, to: f64) -> Scale {
        Scale { from, to: if to > from { to } else { from + 1.0 }, kind: Kind::Linear }
    }

    /// From zero to a round number that no value exceeds.
    pub fn from_zero(values: impl Iterator<Item = f64>) -> Scale {
        let most = values.fold(1.0, f64::max);
        let step = step(most);
        Scale::linear(0.0, (most / step).ceil() * step)
    }

    /// From one power of ten to another, with all values between; values below 1 count as 1.
    pub fn logarithmic(values: impl Iterator<Item = f64>) -> Scale {
        let (least, most) = ends(values);
        let from = 10_f64.powf(least.log10().floor());
        let to = 10_f64.powf(most.log10().ceil()).max(from * 10.0);
        Scale { from, to, kind: Kind::Logarithmic }
    }

    /// For times in microseconds, from less than a millisecond to days: logarithmic, from one round time to another.
    pub fn times(values: impl Iterator<Item = f64>) -> Scale {
        let (least, most) = ends(values);
        let below = TIMES_US.iter().rposition(|&time| time <= least).unwrap_or(0);
        let below = below.min(TIMES_US.len() - 2);
        let above = TIMES_US.iter().position(|&time| time >= most).unwrap_or(TIMES_US.len() - 1);
        Scale { from: TIMES_US[below], to: TIMES_US[above.max(below + 1)], kind: Kind::Times }
    }

    /// The place of a value: 0 at the beginning of the axis, 1 at its end.
    pub fn place(&self, value: f64) -> f64 {
        let place = match self.kind {
            Kind::Linear => (value - self.from) / (self.to - self.from),
            Kind::Logarithmic | Kind::Times => {
                (value.max(self.from) / self.from).log10() / (self.to / self.from).log10()
            }
        };
        place.clamp(0.0, 1.0)
    }

    /// The values that are labelled.
    pub fn ticks(&self) -> Vec<f64> {
        let mut ticks = Vec::new();
        match self.kind {
            Kind::Linear => {}
            Kind::Times => return TIMES_US.into_iter().filter(|time| (self.from..=self.to).contains(time)).collect(),
            Kind::Logarithmic => {
                let mut value = self.from;
                while value <= self.to * 1.001 {
                    ticks.push(value);
                    value *= 10.0;
                }
                return ticks;
            }
        }
        let step = step(self.to - self.from);
        let mut value = (self.from / step).ceil() * step;
        while value <= self.to + step / 1000.0 {
            ticks.push(value);
            value += step;
        }
        ticks
    }
}

/// The least and the largest value, of which none counts as less than 1.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values.fold((f64::MAX, 1.0_f64), |(least, most), value| (least.min(value), most.max(value)));
    (if least == f64::MAX { 1.0 } else { least.max(1.0) }, most)
}

/// A step of 1, 2 or 5 times a power of ten that divides the range into a few; at least 1.
fn step(range: f64) -> f64 {
    let rough = range / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= rough);
    step.unwrap_or(power).max(1.0)
}

/// A time in microseconds, as an axis shows it.
pub fn time_label(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us:.0} µs"),
        us if us < 1e6 => format!("{:.0} ms", us / 1e3),
        us if us < 6e7 => format!("{:.0} s", us / 1e6),
        us if us < 3.6e9 => format!("{:.0} min", us / 6e7),
        us if us < 8.64e10 => format!("{:.0} h", us / 3.6e9),
        us => format!("{:.0} d", us / 8.64e10),
    }
}

/// A size in bytes, as an axis with powers of ten shows it.
pub fn size_label(bytes: f64) -> String {
    match bytes {
        bytes if bytes < 1e3 => format!("{bytes:.0} B"),
        bytes if bytes < 1e6 => format!("{:.0} kB", bytes / 1e3),
        bytes if bytes < 1e9 => format!("{:.0} MB", bytes / 1e6),
        bytes if bytes < 1e12 => format!("{:.0} GB", bytes / 1e9),
        bytes => format!("{:.0} TB", bytes / 1e12),
    }
}

/// A count, as an axis shows it.
pub fn count_label(count: f64) -> String {
    match count {
        count if count < 10_000.0 => format!("{count:.0}"),
        count if count < 1e7 => format!("{:.0}k", count / 1e3),
        count if count < 1e10 => format!("{:.0}M", count / 1e6),
        count => format!("{:.0}G", count / 1e9),
    }
}
