//! Generated expressions, well-typed enough to be interesting.

use std::sync::Arc;

use proptest::{prelude::*, strategy::Union, string::string_regex};

use super::{
    form::{Form, Kind, forms},
    node::{Leaf, Node, Place},
};

/// How deep operators and functions are nested.
const DEEPEST: usize = 4;
/// Characters of texts: letters of several scripts, blanks, and what has a meaning to SQL, to JSON or to a template.
const CHARACTERS: &str = "[abAZ09 \\-_%'\"\\\\{}./;|,\t\n华东订单客户éßЯ😀]{0,8}";
const PATTERN: &str = "[abA9 _%%'\\\\华东😀]{0,6}";
const DAY: &str = "(19[789][0-9]|20[0-2][0-9])-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))";
const TIME: &str = "(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";
const LEAP_DAYS: [&str; 3] = ["2024-02-29", "2000-02-29", "1972-02-29"];
const TURNS: [&str; 6] = ["2023-12-31", "2024-01-01", "2024-01-31", "2024-03-31", "1999-12-31", "1970-01-02"];

/// Expressions of any kind that a mapping would send.
pub fn expressions() -> BoxedStrategy<Node> {
    let forms: Vec<Arc<Form>> = forms().into_iter().map(Arc::new).collect();
    let mut level: Vec<(Kind, BoxedStrategy<Node>)> =
        Kind::ALL.iter().map(|(_, kind)| (*kind, leaf(*kind))).collect();
    for _ in 0..DEEPEST {
        level = Kind::ALL.iter().map(|(_, kind)| (*kind, grown(*kind, &forms, &level))).collect();
    }
    let wanted = [Kind::Number, Kind::Text, Kind::Truth, Kind::Day, Kind::Moment];
    Union::new(level.into_iter().filter(|(kind, _)| wanted.contains(kind)).map(|(_, nodes)| nodes)).boxed()
}

/// A value, or a form over the expressions of the level below.
fn grown(kind: Kind, forms: &[Arc<Form>], below: &[(Kind, BoxedStrategy<Node>)]) -> BoxedStrategy<Node> {
    let of_kind: Vec<&Arc<Form>> = forms.iter().filter(|form| form.result == kind).collect();
    if of_kind.is_empty() {
        return leaf(kind);
    }
    let weight = u32::try_from(of_kind.len().div_ceil(4)).unwrap();
    let mut choices = vec![(weight, leaf(kind))];
    for form in of_kind {
        let nodes_of = |kind: &Kind| below.iter().find(|(known, _)| known == kind).unwrap().1.clone();
        let arguments: Vec<BoxedStrategy<Node>> = form.arguments.iter().map(nodes_of).collect();
        let form = Arc::clone(form);
        choices
            .push((1, arguments.prop_map(move |arguments| Node::Call(Arc::clone(&form), arguments)).boxed()));
    }
    Union::new_weighted(choices).boxed()
}

fn leaf(kind: Kind) -> BoxedStrategy<Node> {
    let place = prop_oneof![Just(Place::Constant), Just(Place::Field), Just(Place::Quoted)];
    let leaf = (texts(kind), place, prop::bool::weighted(0.05))
        .prop_map(move |(text, place, null)| Node::Leaf(Leaf { kind, text: (!null).then_some(text), place }));
    leaf.boxed()
}

fn texts(kind: Kind) -> BoxedStrategy<String> {
    let chosen = |texts: &'static [&'static str]| prop::sample::select(texts).prop_map(str::to_owned);
    let like = |pattern: &str| string_regex(pattern).unwrap();
    match kind {
        // A zero has no sign: a record that writes `-0.0` keeps it.
        Kind::Number => prop_oneof![
            4 => like("-?[1-9][0-9]{0,3}"),
            4 => like("-?(0|[1-9][0-9]{0,4})\\.[0-9]{1,4}"),
            2 => chosen(&["0", "1", "2", "0.00", "-0.5", "0.10", "100", "1.13", "0.13", "2.5", "1.000000"]),
            1 => like("-?[1-9][0-9]{8,29}"),
            1 => like("-?(0|[1-9][0-9]{0,14})\\.[0-9]{5,12}"),
        ]
        .prop_map(|text| {
            if text.contains(|digit| ('1'..='9').contains(&digit)) { text } else { text.replace('-', "") }
        })
        .boxed(),
        Kind::Small => {
            prop_oneof![4 => like("[0-9]"), 1 => like("-[1-9]"), 1 => like("[0-4]\\.5"), 1 => like("1[0-9]")]
                .boxed()
        }
        Kind::Whole => prop_oneof![4 => like("[0-9]"), 1 => like("-[1-9]"), 1 => like("1[0-9]")].boxed(),
        Kind::Text => prop_oneof![
            4 => like(CHARACTERS),
            1 => chosen(&["", "a", "a ", "A", "007", "0.10", "华东", "TK2402291737"]),
        ]
        .boxed(),
        Kind::Pattern => {
            prop_oneof![4 => like(PATTERN), 1 => chosen(&["%", "a%", "%华%", "_", "\\%%", "%\\_"])].boxed()
        }
        Kind::Truth => chosen(&["0", "1"]).boxed(),
        Kind::Day => prop_oneof![4 => like(DAY), 1 => chosen(&LEAP_DAYS), 1 => chosen(&TURNS)].boxed(),
        Kind::Moment => {
            let day = prop_oneof![4 => like(DAY), 1 => chosen(&LEAP_DAYS), 1 => chosen(&TURNS)];
            let time = prop_oneof![4 => like(TIME), 1 => chosen(&["00:00:00", "23:59:59"])];
            (day, time).prop_map(|(day, time)| format!("{day} {time}")).boxed()
        }
        Kind::Seconds => {
            prop_oneof![like("[1-9][0-9]{8}"), like("1[0-9]{9}"), chosen(&["0", "86399", "2147483647"])]
                .boxed()
        }
    }
}
