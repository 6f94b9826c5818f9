//! What becomes of a question on its way: it is lost, its answer is, or either comes when nobody waits for it any more. So much
//! may happen to a request that stands in the buffers of a node that is deaf for a while.

use broker_core::peer::Question;

use super::chance::Chance;

/// So long an asker waits for an answer that was lost.
pub(crate) const TIMEOUT_MS: i64 = 800;
/// So much later than its asker gave up a question may be heard.
const LATE_MS: u64 = 10_000;
/// So long an answer may take where its asker has more patience.
const SLOW_MS: u64 = 4_000;

/// What becomes of a question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Heard(Answer),
    Lost,
    /// Nobody answers in time, and it is heard all the same.
    Late(i64),
}

/// What becomes of the answer to a question that was heard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Usual,
    /// It comes so much later.
    Slow(i64),
    Lost,
}

/// Draws it. What leaders tell the controller of who is in sync fares worst: that is what must not be mistaken.
pub(crate) fn fate(chance: &mut Chance, question: &Question, is_cut: bool, is_chaotic: bool) -> Fate {
    if !is_chaotic {
        return if is_cut { Fate::Lost } else { Fate::Heard(Answer::Usual) };
    }
    let alters = matches!(question, Question::AlterPartitions(_));
    let may_be_late = alters || matches!(question, Question::Fetch(_));
    let (loses, slows) = if alters { (30, 30) } else { (1, 0) };
    if is_cut || chance.percent(loses) {
        return match chance.below(4) {
            0 | 1 if may_be_late => Fate::Late(TIMEOUT_MS + chance.below(LATE_MS) as i64),
            0 | 2 if !is_cut => Fate::Heard(Answer::Lost),
            _ => Fate::Lost,
        };
    }
    match chance.percent(slows) {
        true => Fate::Heard(Answer::Slow(chance.below(SLOW_MS) as i64)),
        false => Fate::Heard(Answer::Usual),
    }
}
