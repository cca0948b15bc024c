//! A refund as the flagship edition writes it (contract wangdiantong-flagship §5).
//!
//! Times are mixed on purpose: `created` and `modified` of an order are milliseconds, those of a line are a text and
//! milliseconds. Amounts are JSON numbers. `process_status` and an order's `platform_id` are texts, a line's is not.

use crate::json_text::{self, ObjectText};

use super::super::{
    Access,
    catalogue::Amount,
    refund::{Line, Refund, Stage, time},
};

/// The code of a refund's state (contract §6).
pub fn status(refund: &Refund) -> u32 {
    match refund.stage {
        Stage::Cancelled => 10,
        Stage::ToReview => 20,
        Stage::Agreed => 30,
        Stage::ToReceive => 40,
        Stage::ToSettle => 80,
        Stage::Done => 90,
    }
}

/// The code of what came into the warehouse (contract §6).
pub fn stockin_status(refund: &Refund) -> u32 {
    match (refund.kind, refund.stage) {
        (2 | 3, Stage::ToSettle | Stage::Done) => 3,
        (2 | 3, Stage::Cancelled) => 4,
        (2 | 3, _) => 1,
        _ => 0,
    }
}

/// The record as the bytes a page carries.
pub fn text(refund: &Refund, access: Access) -> String {
    let lines: Vec<_> = refund.lines.iter().map(|given| line(refund, given)).collect();
    let payments = if refund.lines.is_empty() { Vec::new() } else { vec![payment(refund)] };
    let object = people(amounts(heading(refund, access), refund), refund);
    let mut object = times(object, refund)
        .raw("detail_list", json_text::array(lines.iter().map(String::as_str)))
        .raw("amount_detail_list", json_text::array(payments.iter().map(String::as_str)));
    if refund.kind == 3 {
        object = object.raw("swap_order", swap_order(refund));
    }
    object.raw("gov_subsidy_info", "[]").finish()
}

fn heading(refund: &Refund, access: Access) -> ObjectText {
    let mut object = ObjectText::new()
        .raw("refund_id", refund.id)
        .text("refund_no", &refund.no())
        .text("provider_refund_no", "")
        .text("raw_refund_nos", &refund.platform_no());
    if access == Access::Direct {
        object = object.text("wms_code", "");
    }
    object
        .text("tid_list", &refund.tid())
        .text("src_tids", &refund.tid())
        .text("trade_no_list", &refund.trade_no())
        .raw("trade_id", refund.trade_id())
        .text("pay_id", "")
        .text("fenxiao_tid", "")
        .raw("type", refund.kind)
        .raw("status", status(refund))
        .raw("stockin_status", stockin_status(refund))
        .text("process_status", "0")
        .raw("rr_status", refund.stage.platform_status())
        .raw("shop_id", refund.shop.id)
        .text("shop_no", refund.shop.no)
        .raw("shop_platform_id", refund.shop.platform)
        .text("platform_id", &refund.shop.platform.to_string())
        .raw("sub_platform_id", 0)
}

fn amounts(object: ObjectText, refund: &Refund) -> ObjectText {
    object
        .raw("return_goods_count", refund.quantity().number())
        .raw("return_goods_amount", refund.amount().number())
        .raw("guarantee_refund_amount", refund.paid_back().number())
        .raw("direct_refund_amount", Amount::default().number())
        .raw("actual_refund_amount", refund.paid_back().number())
        .raw("receive_amount", Amount::default().number())
}

fn people(object: ObjectText, refund: &Refund) -> ObjectText {
    let parcel = refund.parcel_no();
    let mut object = object
        .raw("return_warehouse_id", refund.warehouse_id())
        .text("return_warehouse_no", refund.warehouse_no())
        .raw("warehouse_type", 1)
        .text("wms_owner_no", "")
        .text("return_logistics_name", if parcel.is_empty() { "" } else { "示例快递" })
        .text("return_logistics_no", &parcel)
        .raw("reason_id", 0)
        .text("reason_name", refund.reason())
        .text("refund_reason", refund.reason())
        .raw("revert_reason", 0)
        .text("revert_reason_name", "")
        .raw("bad_reason", 0)
        .raw("from_type", 0)
        .text("flag_name", "")
        .text("remark", &refund.remark())
        .raw("note_count", u32::from(refund.edition > 0))
        .text("operator_name", "系统")
        .text("return_mask_info", "")
        .raw("consign_mode", 0)
        .text("buyer_nick", &refund.buyer)
        .text("receiver_name", &refund.buyer)
        .text("receiver_telno", &refund.phone)
        .text("customer_name", &refund.buyer)
        .raw("customer_id", refund.index + 1);
    // The name of a distributor is missing when there is none.
    if refund.index % 10 == 4 {
        object = object.text("fenxiao_nick_name", "示例分销商");
    }
    object.text("fenxiao_nick_no", "")
}

fn times(object: ObjectText, refund: &Refund) -> ObjectText {
    object
        .raw("created", refund.created * 1_000)
        .raw("modified", refund.modified * 1_000)
        .text("modified_date", &time(Some(refund.modified)))
        .text("refund_time", &time(Some(refund.asked)))
        .text("check_time", &time(refund.agreed))
        .text("settle_time", &time(refund.settled))
        .text("current_phase_timeout", &time(refund.settled))
}

fn line(refund: &Refund, line: &Line) -> String {
    let goods = &line.goods;
    let object = ObjectText::new()
        .raw("rec_id", line.id)
        .raw("refund_id", refund.id)
        .text("oid", &format!("{}-{}", refund.tid(), line.id))
        .raw("trade_order_id", line.id + 1_000_000)
        .raw("sales_trade_id", refund.trade_id())
        .raw("platform_id", refund.shop.platform)
        .text("tid", &refund.tid())
        .text("trade_no", &refund.trade_no())
        .raw("num", line.sold.number())
        .raw("price", goods.price.number())
        .raw("original_price", goods.list_price.number())
        .raw("checked_cost_price", Amount::default().number())
        .raw("refund_num", line.refunded.number())
        .raw("total_amount", line.amount().number())
        .raw("refund_amount", line.amount().number())
        .raw("is_guarantee", refund.index.is_multiple_of(2))
        .text("goods_no", &goods.no)
        .text("goods_name", goods.name)
        .text("spec_no", &goods.spec_no)
        .text("spec_name", goods.spec_name)
        .text("spec_code", &goods.spec_no)
        .text("barcode", &goods.barcode());
    line_end(object, refund, line).finish()
}

fn line_end(object: ObjectText, refund: &Refund, line: &Line) -> ObjectText {
    let goods = &line.goods;
    let list_amount = goods.list_price.times(line.refunded);
    object
        .raw("goods_id", goods.id)
        .raw("spec_id", goods.id)
        .raw("sys_goods_id", goods.id)
        .raw("sys_spec_id", goods.id)
        .raw("stockin_num", refund.received(line).number())
        .text("remark", "")
        .text("api_goods_name", goods.name)
        .text("api_spec_name", goods.spec_name)
        .raw("suite_id", 0)
        .text("suite_no", "")
        .text("suite_name", "")
        .raw("suite_num", 0)
        .text("raw_refund_no", &refund.platform_no())
        .text("raw_refund_nos", &refund.platform_no())
        .raw("discount", Amount(list_amount.0 - line.amount().0).number())
        .raw("paid", line.amount().number())
        .raw("gift_type", 0)
        .text("created", &time(Some(refund.created)))
        .raw("modified", refund.modified * 1_000)
        .text("modified_date", &time(Some(refund.modified)))
}

fn payment(refund: &Refund) -> String {
    ObjectText::new()
        .raw("rec_id", refund.id + 6_000_000)
        .raw("refund_id", refund.id)
        .raw("refund_type", 1)
        .raw("is_return", 0)
        .raw("refund_amount", refund.amount().number())
        .raw("receive_amount", Amount::default().number())
        .raw("is_guarantee", true)
        .raw("account_id", 0)
        .text("pay_account", "")
        .text("account_name", "")
        .text("account_bank", "")
        .raw("is_auto", true)
        .text("remark", "")
        .finish()
}

fn swap_order(refund: &Refund) -> String {
    ObjectText::new()
        .text("tid", &format!("{}-H", refund.tid()))
        .text("shop_no", refund.shop.no)
        .text("shop_name", refund.shop.name)
        .raw("shop_id", refund.shop.id)
        .text("warehouse_no", refund.warehouse_no())
        .raw("warehouse_id", refund.warehouse_id())
        .raw("post_amount", 0)
        .raw("other_amount", 0)
        .raw("swap_order_detail_list", "[]")
        .finish()
}
