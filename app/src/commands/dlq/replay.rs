//! `weir dlq replay`: letters sent into their flow again, as they are or mended, by a job that the owner of the flow runs.
//!
//! What was counted is what is sent: the set is fixed before the person is asked, and later letters stay open. The book
//! is written before the job is announced, so that nothing is ever sent without a name beside it; letters of a job that
//! was never announced, or ended before it sent them, are open again.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use weir_ledger::{
    book::{Action, Deed},
    letters::{Head, LetterId, State, Verdict},
};
use weir_model::edit::Edit;
use weir_runtime::control;
use weir_schemas::{Job, JobKind, JobLetter};

use super::{Letterbox, ask, difference, ledger_failed, payload::content, rule, watch};
use crate::{
    cli::{Cli, DlqFilter, DlqReplay},
    exit::Failure,
    output::{self, say},
};

/// The most that the letters of one job take: an entry of `weir.control` has room for twice as much.
const JOB_BYTES: usize = 2 << 20;
/// What a letter takes beside its place and payload.
const LETTER_BYTES: usize = 8;

/// What is to be sent.
#[derive(Default)]
struct Plan {
    /// The letters, each with the payload that replaces its own.
    letters: Vec<(LetterId, Option<Bytes>)>,
    /// Those that were asked for and cannot be sent, by why.
    sources: usize,
    newer: usize,
    gone: usize,
    unfit: usize,
    /// The first that the rule does not fit, and why.
    misfit: Option<String>,
    /// What the rule changes in the first letter.
    sample: Vec<String>,
}

/// Sends letters again.
pub async fn run(options: &DlqReplay, cli: &Cli) -> Result<(), Failure> {
    let (mut letterbox, _) =
        Letterbox::open(&options.project, Some(&options.owner), options.mask, cli).await?;
    letterbox.kafka()?;
    let edit = rule::of(&options.change, letterbox.language)?;
    let heads = letterbox.chosen(&options.owner, &options.letters, &options.filter, options.all).await?;
    if let [head] = heads.as_slice() {
        letterbox.check_sendable(head)?;
    }
    let plan = letterbox.plan(&options.owner, heads, edit.as_ref()).await?;
    if !cli.json {
        letterbox.tell_plan(&plan);
    }
    if plan.letters.is_empty() || options.dry_run {
        if cli.json {
            say!("{}", plan.json(&[]));
        } else if plan.letters.is_empty() {
            letterbox.nothing_to_do(cli)?;
        }
        return Ok(());
    }
    let (owner, count) = (&options.owner, plan.letters.len());
    let question = letterbox
        .say(format!("重发 {owner} 的 {count} 封死信？"), format!("Send {count} letters of {owner} again?"));
    if !ask::confirm(&question, &options.person, cli, letterbox.language)? {
        return Ok(());
    }
    let jobs = letterbox.announce(&plan, options, edit.as_ref()).await?;
    if options.watch {
        let ids: Vec<LetterId> = plan.letters.iter().map(|(id, _)| id.clone()).collect();
        return watch::run(&mut letterbox, owner, &jobs, &ids, cli).await;
    }
    if cli.json {
        say!("{}", plan.json(&jobs));
    } else {
        for job in &jobs {
            say!(
                "{}",
                letterbox.say(
                    format!("任务 {job}；`weir jobs watch {job}` 查看进度"),
                    format!("job {job}; `weir jobs watch {job}` tells how far it is")
                )
            );
        }
    }
    Ok(())
}

/// What was asked for, for the book.
pub fn asked(names: &[String], filter: &DlqFilter) -> Value {
    let DlqFilter { code, cause, since, until, number, stage, text } = filter;
    let stage = stage.map(|stage| format!("{stage:?}").to_lowercase());
    let all = json!({
        "letters": (names.len() <= 20).then_some(names).filter(|names| !names.is_empty()), "code": code,
        "cause": cause, "since": since, "until": until, "number": number, "stage": stage, "text": text,
    });
    let given = all.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    Value::Object(given.map(|(key, value)| (key.clone(), value.clone())).collect())
}

impl Plan {
    fn json(&self, jobs: &[String]) -> Value {
        json!({
            "letters": self.letters.len(), "jobs": jobs, "of_sources": self.sources, "with_newer": self.newer,
            "gone": self.gone, "rule_does_not_fit": self.unfit, "misfit": self.misfit, "sample": self.sample,
        })
    }
}

impl Letterbox {
    /// What is sent of these letters: those that became records, the newest of each, the rule tried on every one.
    async fn plan(&self, owner: &str, heads: Vec<Head>, edit: Option<&Edit>) -> Result<Plan, Failure> {
        let mut plan = Plan::default();
        let mut sendable = Vec::new();
        for head in heads {
            match head.state {
                _ if head.stage == "producer" => plan.sources += 1,
                // Order per key is kept: what a newer letter stands for is newer (invariant 4).
                State::FailedAgain => plan.newer += 1,
                _ => sendable.push(head),
            }
        }
        let mut repaired: Vec<(LetterId, Bytes)> = Vec::new();
        for head in sendable.iter().filter(|head| head.is_edited) {
            let repair = self.ledger.repair(&head.id).await.map_err(|error| ledger_failed(&error))?;
            repaired.extend(repair.map(|repair| (head.id.clone(), Bytes::from(repair.payload))));
        }
        repaired.sort();
        let own = |id: &LetterId| {
            let at = repaired.binary_search_by(|(known, _)| known.cmp(id)).ok()?;
            repaired.get(at).map(|(_, payload)| payload.clone())
        };
        let Some(edit) = edit else {
            plan.letters = sendable.into_iter().map(|head| (head.id.clone(), own(&head.id))).collect();
            plan.letters.sort();
            return Ok(plan);
        };
        let ids: Vec<&LetterId> = sendable.iter().map(|head| &head.id).collect();
        let mut read = 0;
        self.read(owner, &ids, |place, letter| {
            read += 1;
            let id = LetterId { owner: owner.to_owned(), place };
            let kept = own(&id);
            // A letter without a payload is a reference: the job reads the record and tries the rule then.
            if letter.payload.is_empty() && kept.is_none() {
                plan.letters.push((id, None));
                return;
            }
            let before = kept.clone().unwrap_or(letter.payload);
            match edit.apply(&before) {
                Ok(after) => {
                    if plan.sample.is_empty() {
                        let [before, after] = [&before, &after].map(|payload| content(payload));
                        let mask = self.masking.learn([&before, &after]);
                        plan.sample = difference::lines(&mask.json(&before), &mask.json(&after));
                    }
                    // The job applies the rule to the letter's own payload; what a person wrote comes before that.
                    plan.letters.push((id, kept.is_some().then_some(after)));
                }
                Err(error) => {
                    plan.unfit += 1;
                    let why = output::pick(&error.localized(), self.language).to_owned();
                    plan.misfit.get_or_insert_with(|| format!("{place}: {why}"));
                }
            }
        })?;
        plan.gone = ids.len().saturating_sub(read);
        plan.letters.sort();
        Ok(plan)
    }

    fn tell_plan(&self, plan: &Plan) {
        let mut told = Vec::new();
        for line in &plan.sample {
            told.push(format!("  {line}"));
        }
        let mut left_out =
            |count: usize, zh: &str, en: &str| {
                if count > 0 {
                    told.push(self.say(
                        format!("不发送 {count} 封：{zh}"),
                        format!("{count} letters are not sent: {en}"),
                    ));
                }
            };
        left_out(
            plan.sources,
            "是来源的答复，从未成为记录；用 weir backfill 重新读取，处理后 drop",
            "they are answers of a source that never became records; read their time again with weir backfill, drop them when dealt with",
        );
        left_out(plan.newer, "同一记录有更新的死信", "newer ones of the same records stand for them");
        left_out(plan.gone, "主题中已没有", "their topic holds them no more");
        if let Some(misfit) = &plan.misfit {
            left_out(
                plan.unfit,
                &format!("规则不适用（{misfit}）"),
                &format!("the rule does not fit them ({misfit})"),
            );
        }
        told.push(self.say(
            format!("{} 封将重发", plan.letters.len()),
            format!("{} letters to send", plan.letters.len()),
        ));
        output::tell(&format!("{}\n", told.join("\n")));
    }

    /// Writes the book and announces the jobs; their ids.
    async fn announce(
        &self,
        plan: &Plan,
        options: &DlqReplay,
        edit: Option<&Edit>,
    ) -> Result<Vec<String>, Failure> {
        let kafka = self.kafka()?;
        let by = ask::name(&options.person);
        let rule = edit.map(Edit::to_json).unwrap_or_default();
        let mut jobs = Vec::new();
        for letters in portions(&plan.letters) {
            let at = Timestamp::now();
            let id = control::new_id(JobKind::Repair, at);
            let action = Action {
                id: id.clone(),
                at,
                by: by.clone(),
                kind: Deed::Replay.as_str().to_owned(),
                reason: options.reason.clone(),
                detail: json!({"owner": options.owner, "filter": asked(&options.letters, &options.filter), "rule": rule}),
                letters: 0,
            };
            let ids: Vec<LetterId> = letters.iter().map(|(id, _)| id.clone()).collect();
            let noted = self.ledger.note_decision(&action, Verdict::Resend, &ids).await;
            noted.map_err(|error| ledger_failed(&error))?;
            let letter = |(id, payload): &(LetterId, Option<Bytes>)| JobLetter {
                place: id.place.to_string(),
                payload: payload.clone(),
            };
            let job = Job {
                id: id.clone(),
                kind: JobKind::Repair,
                subject: options.owner.clone(),
                from: None,
                until: None,
                only: Vec::new(),
                ranges: Vec::new(),
                letters: letters.iter().map(letter).collect(),
                edit: rule.clone(),
                note: options.reason.clone(),
                by: by.clone(),
                at,
                cancelled: None,
            };
            control::announce(&kafka.cluster, &self.topics, &kafka.codec, &job)?;
            jobs.push(id);
        }
        Ok(jobs)
    }
}

/// The letters in portions that each fit into one job.
fn portions(letters: &[(LetterId, Option<Bytes>)]) -> Vec<&[(LetterId, Option<Bytes>)]> {
    let size = |(id, payload): &(LetterId, Option<Bytes>)| {
        id.place.to_string().len() + payload.as_ref().map_or(0, Bytes::len) + LETTER_BYTES
    };
    let mut portions = Vec::new();
    let (mut first, mut bytes) = (0, 0);
    for (at, letter) in letters.iter().enumerate() {
        if bytes + size(letter) > JOB_BYTES && at > first {
            portions.extend(letters.get(first..at));
            (first, bytes) = (at, 0);
        }
        bytes += size(letter);
    }
    portions.extend(letters.get(first..).filter(|rest| !rest.is_empty()));
    portions
}

#[cfg(test)]
mod tests {
    use weir_ledger::letters::Place;

    use super::*;

    fn letter(offset: i64, payload: usize) -> (LetterId, Option<Bytes>) {
        let id = LetterId { owner: "orders".to_owned(), place: Place { partition: 0, offset } };
        (id, (payload > 0).then(|| Bytes::from(vec![b' '; payload])))
    }

    #[test]
    fn ten_thousand_letters_are_one_job_and_large_payloads_are_several() {
        let many: Vec<_> = (0..10_000).map(|offset| letter(offset, 0)).collect();
        assert_eq!(portions(&many).len(), 1);
        let large: Vec<_> = (0..5).map(|offset| letter(offset, 900_000)).collect();
        let lengths: Vec<usize> = portions(&large).iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [2, 2, 1]);
        assert_eq!(portions(&[letter(1, 3_000_000)]).len(), 1);
        assert!(portions(&[]).is_empty());
    }

    #[test]
    fn the_book_tells_what_was_asked_for() {
        let filter = DlqFilter { cause: Some("c1".to_owned()), ..DlqFilter::default() };
        assert_eq!(asked(&[], &filter), json!({"cause": "c1"}));
        assert_eq!(asked(&["0:1".to_owned()], &DlqFilter::default()), json!({"letters": ["0:1"]}));
    }
}
