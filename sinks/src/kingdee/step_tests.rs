//! Save, submit and audit against the sandbox, in one call and in steps: what is interrupted or refused is completed and
//! never saved again.

use std::sync::atomic::{AtomicUsize, Ordering};

use weir_model::flow::FlowSpec;
use weir_model::outcome::{Outcome, Written};
use weir_model::target::{Batch, Delivery, Ownership, Target as _};
use weir_sandbox::When::{Every, Next};
use weir_sandbox::kingdee::DocumentStatus;
use weir_sandbox::{Fault, Rule};

use super::tests::{Site, changed, delivery, flow, short, unresolved, written};

/// A flow whose steps are calls of their own.
fn in_steps(settings: &str) -> FlowSpec {
    let mut flow = flow(settings);
    flow.target.metadata.other_request[3].value = Some("false".into());
    flow
}

fn status(site: &Site, number: &str) -> Option<DocumentStatus> {
    site.stored(number).map(|(_, status, ..)| status)
}

/// How often each step was called.
fn steps(site: &Site) -> [u64; 4] {
    ["BatchSave", "Submit", "Audit", "UnAudit"].map(|step| site.calls(step))
}

/// The record of `number`, changed since `before`, after an attempt that was left unknown.
fn interrupted(number: &str, name: &str, before: &Written) -> Delivery {
    Delivery { unresolved: true, ..changed(number, name, before) }
}

#[tokio::test]
async fn steps_of_many_documents_are_a_call_each_and_one_refused_holds_none() {
    for (settings, expect, calls) in [
        ("{}", DocumentStatus::Created, [1, 0, 0, 0]),
        ("{after_save: submit}", DocumentStatus::InReview, [1, 1, 0, 0]),
        ("{after_save: audit}", DocumentStatus::Audited, [1, 1, 1, 0]),
    ] {
        let site = Site::with(&in_steps(settings), |_| {}).await;
        let outcomes = site.deliver(&[delivery("1", "甲"), delivery("2", "乙")]).await;
        assert_eq!(short(&outcomes), "delivered, delivered");
        assert_eq!((status(&site, "1"), status(&site, "2")), (Some(expect), Some(expect)));
        assert_eq!(steps(&site), calls, "{settings}");
    }
    let site = Site::with(&in_steps("{after_save: audit}"), |_| {}).await;
    site.handle().set(Fault::AuditRefused, Rule::new(Next(1)));
    let outcomes = site.deliver(&[delivery("1", "甲"), delivery("2", "乙")]).await;
    assert_eq!(short(&outcomes), "incomplete K-VALIDATION, delivered");
    assert_eq!(status(&site, "1"), Some(DocumentStatus::InReview));
}

#[tokio::test]
async fn a_refused_audit_is_told_with_what_was_stored_and_a_retry_runs_the_missing_step_alone() {
    for flow in [flow("{}"), in_steps("{after_save: audit}")] {
        let site = Site::with(&flow, |_| {}).await;
        site.handle().set(Fault::AuditRefused, Rule::new(Every(1)));
        let outcomes = site.deliver(&[delivery("1", "甲")]).await;
        let Outcome::Incomplete { written, refusal } = &outcomes[0] else { panic!("{outcomes:?}") };
        assert!(refusal.message.contains("审核失败"), "{refusal}");
        assert_eq!((written.number.as_str(), written.id.is_empty()), ("1", false));
        site.handle().clear(Fault::AuditRefused);
        let [saves, submits, ..] = steps(&site);
        assert_eq!(short(&site.deliver(&[changed("1", "甲", written)]).await), "delivered");
        assert_eq!(status(&site, "1"), Some(DocumentStatus::Audited));
        assert_eq!(steps(&site)[..2], [saves, submits]);
    }
}

#[tokio::test]
async fn each_step_that_is_interrupted_is_resumed_by_the_status() {
    for (fault, step, calls) in [
        (Fault::CutRequest, "Submit", [1, 2, 1, 0]),
        (Fault::LostReply, "Submit", [1, 1, 1, 0]),
        (Fault::CutRequest, "Audit", [1, 1, 2, 0]),
        (Fault::LostReply, "Audit", [1, 1, 1, 0]),
        (Fault::Http5xx, "Audit", [1, 1, 2, 0]),
    ] {
        let site = Site::with(&in_steps("{after_save: audit}"), |_| {}).await;
        // `Submit` alone: the name of a call holds the text.
        site.handle().set(fault, Rule::new(Next(1)).on(format!("kingdee {step}")));
        assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), "unknown K-AWAY", "{fault:?} {step}");
        assert_eq!(short(&site.deliver(&[unresolved("1", "甲")]).await), "delivered", "{fault:?} {step}");
        assert_eq!(
            (status(&site, "1"), steps(&site)),
            (Some(DocumentStatus::Audited), calls),
            "{fault:?} {step}"
        );
    }
}

#[tokio::test]
async fn a_change_that_is_interrupted_between_un_audit_save_and_audit_is_resumed() {
    for (fault, step) in [
        (Fault::LostReply, "UnAudit"),
        (Fault::CutRequest, "UnAudit"),
        (Fault::CutRequest, "BatchSave"),
        (Fault::LostReply, "BatchSave"),
        (Fault::CutRequest, "kingdee Audit"),
        (Fault::LostReply, "kingdee Audit"),
    ] {
        let site = Site::with(&in_steps("{after_save: audit}"), |_| {}).await;
        let first = written(&site.deliver(&[delivery("1", "甲")]).await[0]);
        site.handle().set(fault, Rule::new(Next(1)).on(step));
        let again = [changed("1", "乙", &first)];
        assert_eq!(short(&site.deliver(&again).await), "unknown K-AWAY", "{fault:?} {step}");
        assert_eq!(
            short(&site.deliver(&[interrupted("1", "乙", &first)]).await),
            "delivered",
            "{fault:?} {step}"
        );
        let stored = site.stored("1").unwrap();
        assert_eq!(stored, ("乙".into(), DocumentStatus::Audited, 1, 1), "{fault:?} {step}");
    }
}

#[tokio::test]
async fn a_refused_change_leaves_the_document_audited_as_it_was() {
    let site = Site::start("{}").await;
    let first = written(&site.deliver(&[delivery("1", "甲")]).await[0]);
    assert_eq!(short(&site.deliver(&[changed("1", "", &first)]).await), "reject K-MANDATORY");
    assert_eq!(site.stored("1"), Some(("甲".into(), DocumentStatus::Audited, 1, 0)));
    // Where that is refused too, the letter tells how the document stands.
    site.handle().set(Fault::AuditRefused, Rule::new(Every(1)));
    let outcomes = site.deliver(&[changed("1", "", &first)]).await;
    let Outcome::Reject(refusal) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(refusal.message.contains("left un-audited"), "{refusal}");
    assert_eq!(status(&site, "1"), Some(DocumentStatus::InReview));
}

#[tokio::test]
async fn a_person_who_works_with_the_same_document_is_no_reason_for_a_letter() {
    let site = Site::with(&in_steps("{after_save: audit}"), |_| {}).await;
    // Somebody submits it before we do.
    site.handle().set(Fault::PersonActs, Rule::new(Next(1)).on("kingdee Submit").code("submit"));
    let first = written(&site.deliver(&[delivery("1", "甲")]).await[0]);
    // Somebody takes the audit back before we do.
    site.handle().set(Fault::PersonActs, Rule::new(Next(1)).on("UnAudit").code("unaudit"));
    assert_eq!(short(&site.deliver(&[changed("1", "乙", &first)]).await), "delivered");
    assert_eq!(site.stored("1"), Some(("乙".into(), DocumentStatus::Audited, 1, 1)));
    // Somebody submits it between our un-audit and our save: the change waits for that person, and the audit is given back.
    site.handle().set(Fault::PersonActs, Rule::new(Next(1)).on("BatchSave").code("submit"));
    assert_eq!(short(&site.deliver(&[changed("1", "丙", &first)]).await), "reject K-AUDITED");
    assert_eq!(site.stored("1"), Some(("乙".into(), DocumentStatus::Audited, 1, 1)));
}

#[tokio::test]
async fn a_process_whose_partition_may_be_anothers_makes_no_further_call_that_writes() {
    // Asked before each call that writes: un-audit, save, submit, audit.
    for (allowed, calls) in [(0, [1, 1, 1, 0]), (1, [1, 1, 1, 1]), (2, [2, 1, 1, 1]), (3, [2, 2, 1, 1])] {
        let site = Site::with(&in_steps("{after_save: audit}"), |_| {}).await;
        let first = written(&site.deliver(&[delivery("1", "甲")]).await[0]);
        let asked = AtomicUsize::new(0);
        let is_ours = || asked.fetch_add(1, Ordering::SeqCst) < allowed;
        let deliveries = [changed("1", "乙", &first)];
        let ownership = Ownership::new(&is_ours);
        let batch = Batch { partition: 0, deliveries: &deliveries, settled: &[], next_offset: 0, ownership };
        assert_eq!(short(&site.target.deliver(batch).await.unwrap()), "unknown K-NOT-OURS", "{allowed}");
        assert_eq!(steps(&site), calls, "{allowed}");
        // Whoever owns the partition now looks first.
        assert_eq!(short(&site.deliver(&[interrupted("1", "乙", &first)]).await), "delivered", "{allowed}");
        assert_eq!(site.stored("1"), Some(("乙".into(), DocumentStatus::Audited, 1, 1)), "{allowed}");
    }
}
