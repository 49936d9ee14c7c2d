//! Sums over time, in steps that grow with the time that they cover.

use std::collections::BTreeMap;

use super::sums::Sums;

/// The steps, in seconds. Longer ones are twice as long as the one before.
const STEPS_S: [u64; 12] = [1, 5, 15, 60, 300, 900, 3_600, 10_800, 43_200, 86_400, 604_800, 2_592_000];

/// How many steps are kept; with more, they become longer.
const STEPS_MAX: usize = 4_096;

/// Sums over time.
#[derive(Debug, Clone)]
pub struct Timeline {
    step_s: u64,
    sums: BTreeMap<u64, Sums>,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { step_s: STEPS_S[0], sums: BTreeMap::new() }
    }
}

impl Timeline {
    /// Adds to the sums of a time, in microseconds.
    pub fn add(&mut self, at_us: u64, sums: &Sums) {
        self.sums.entry(at_us / self.step_us()).or_default().add(sums);
        while self.sums.len() > STEPS_MAX {
            self.widen();
        }
    }

    /// How long a step is, in microseconds.
    pub fn step_us(&self) -> u64 {
        self.step_s * 1_000_000
    }

    /// Makes the steps so long that at most `steps` of them cover all.
    #[must_use]
    pub fn within(mut self, steps: u64) -> Timeline {
        while self.span() > steps.max(1) {
            self.widen();
        }
        self
    }

    /// The sums of each step from the first to the last, empty ones included, with the time of its beginning in microseconds. To be called
    /// after [`within`](Self::within), which bounds how many there are.
    pub fn steps(&self) -> impl Iterator<Item = (u64, Sums)> {
        let first = self.sums.keys().next().copied().unwrap_or(0);
        let step_us = self.step_us();
        (first..first + self.span()).map(move |at| (at * step_us, self.sums.get(&at).copied().unwrap_or_default()))
    }

    /// From the first step to the last.
    fn span(&self) -> u64 {
        let ends = self.sums.keys().next().zip(self.sums.keys().next_back());
        ends.map_or(0, |(first, last)| last - first + 1)
    }

    fn widen(&mut self) {
        let before = self.step_s;
        self.step_s = STEPS_S.into_iter().find(|step| *step > before).unwrap_or(before * 2);
        let mut wider: BTreeMap<u64, Sums> = BTreeMap::new();
        for (at, sums) in &self.sums {
            // Months of 30 days are no multiple of a week: a step goes where it begins.
            wider.entry(at * before / self.step_s).or_default().add(sums);
        }
        self.sums = wider;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Sums = Sums { sessions: 1, records: 2, batches: 3, images: 4, stored_bytes: 5, inflated_bytes: 6 };

    #[test]
    fn whatever_time_is_covered_the_steps_are_few_and_the_sums_whole() {
        for spread_us in [0, 1_000, 1_000_000, 3_600_000_000, 400_000_000_000_000] {
            let mut timeline = Timeline::default();
            for number in 0..10_000 {
                timeline.add(1_795_581_300_416_378 + number * spread_us, &ONE);
            }
            assert!(timeline.sums.len() <= STEPS_MAX);
            let timeline = timeline.within(200);
            let steps: Vec<_> = timeline.steps().collect();
            assert!(steps.len() <= 200, "{spread_us}: {}", steps.len());
            assert_eq!(steps.iter().map(|(_, sums)| sums.records).sum::<u64>(), 20_000, "{spread_us}");
            assert!(steps.windows(2).all(|pair| pair[1].0 - pair[0].0 == timeline.step_us()));
        }
        assert_eq!(Timeline::default().within(10).steps().count(), 0);
    }
}
