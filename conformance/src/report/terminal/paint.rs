//! The few tones that the terminal report uses. Without colour they are the bare text.

/// Paints, or does not.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Paint {
    pub(in crate::report) colour: bool,
}

impl Paint {
    pub(in crate::report) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(in crate::report) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(in crate::report) fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// Kafka's side of a difference.
    pub(in crate::report) fn kafka(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// The target's side of a difference.
    pub(in crate::report) fn target(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// The word of a verdict in its tone.
    pub(in crate::report) fn verdict(self, word: &str, text: &str) -> String {
        match word {
            "passed" => self.wrap("32", text),
            "differs" | "vanished" | "broken" => self.bad(text),
            "known" => self.wrap("33", text),
            _ => self.dim(text),
        }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
