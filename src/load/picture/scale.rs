//! Axes: from values to places, and the values that are labelled.

/// An axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
}

/// About how many values of an axis are labelled.
const TICKS: f64 = 6.0;

impl Scale {
    /// From one value to another, larger one.
    pub fn linear(from: f64, to: f64) -> Scale {
        Scale { from, to: if to > from { to } else { from + 1.0 }, logarithmic: false }
    }

    /// From zero to a round number that no value exceeds.
    pub fn from_zero(values: impl Iterator<Item = f64>) -> Scale {
        let most = values.fold(1.0, f64::max);
        let step = step(most);
        Scale::linear(0.0, (most / step).ceil() * step)
    }

    /// From one power of ten to another, with all values between; values below 1 count as 1.
    pub fn logarithmic(values: impl Iterator<Item = f64>) -> Scale {
        let (least, most) =
            values.fold((f64::MAX, 1.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        let from = if least == f64::MAX { 1.0 } else { 10_f64.powf(least.max(1.0).log10().floor()) };
        let to = 10_f64.powf(most.log10().ceil()).max(from * 10.0);
        Scale { from, to, logarithmic: true }
    }

    /// The place of a value: 0 at the beginning of the axis, 1 at its end.
    pub fn place(&self, value: f64) -> f64 {
        let place = if self.logarithmic {
            (value.max(self.from) / self.from).log10() / (self.to / self.from).log10()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        place.clamp(0.0, 1.0)
    }

    /// The values that are labelled.
    pub fn ticks(&self) -> Vec<f64> {
        let mut ticks = Vec::new();
        if self.logarithmic {
            let mut value = self.from;
            while value <= self.to * 1.001 {
                ticks.push(value);
                value *= 10.0;
            }
            return ticks;
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
        us => format!("{:.0} s", us / 1e6),
    }
}

/// A count, as an axis shows it.
pub fn count_label(count: f64) -> String {
    match count {
        count if count < 10_000.0 => format!("{count:.0}"),
        count if count < 1e7 => format!("{:.0}k", count / 1e3),
        count => format!("{:.0}M", count / 1e6),
    }
}
