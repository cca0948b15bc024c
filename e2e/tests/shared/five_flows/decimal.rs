//! Decimals of the expectation: integers and a scale, apart from the arithmetic of the system under test.

/// A text as an integer and how many of its digits stand behind the point.
fn parse(text: &str) -> (i128, u32) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    (format!("{whole}{fraction}").parse().unwrap(), u32::try_from(fraction.len()).unwrap())
}

/// A quotient as the mapping language gives it: MySQL's scale, which is the dividend's and four more, rounded half away
/// from zero, without zeros at the end. Neither may be negative.
pub fn quotient(dividend: &str, divisor: &str) -> String {
    let ((dividend, scale), (divisor, divisor_scale)) = (parse(dividend), parse(divisor));
    let scaled = dividend * 10_i128.pow(4 + divisor_scale);
    let digits = (2 * scaled + divisor) / (2 * divisor);
    let places = usize::try_from(scale + 4).unwrap();
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number with so many places, as a column of that scale shows it. It must not have more digits than fit.
pub fn with_places(text: &str, places: usize) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= places, "{text} has more than {places} places");
    format!("{whole}.{fraction:0<places$}")
}

/// Whether a number is zero, however it is written.
pub fn is_zero(text: &str) -> bool {
    parse(text).0 == 0
}

#[test]
fn quotients_have_the_digits_of_mysql() {
    assert_eq!(quotient("725", "100"), "7.25");
    assert_eq!(quotient("4.83", "100"), "0.0483");
    assert_eq!(quotient("10.00", "3"), "3.333333");
    assert_eq!(quotient("2", "3"), "0.6667");
    assert_eq!(quotient("0.5", "4.0"), "0.125");
    assert_eq!((with_places("1.5", 4).as_str(), is_zero("0.00")), ("1.5000", true));
}
