//! `net`: not there yet. Every function says so.

use super::refusal::Refusal;

/// The answer of every function of `net`.
#[must_use]
pub fn absent(function: &str) -> Refusal {
    Refusal::permanent(format!("`net.{function}` comes with a later version of vigie, use `http` where it will do"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_says_that_it_is_not_there_yet() {
        assert_eq!(absent("ping"), Refusal::permanent("`net.ping` comes with a later version of vigie, use `http` where it will do"));
    }
}
