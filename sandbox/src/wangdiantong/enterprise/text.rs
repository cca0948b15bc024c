//! A refund as the enterprise edition writes it (contract wangdiantong-enterprise §6).
//!
//! Amounts are texts with four decimals. Ids and codes are texts, but numbers in every third record: the contract says
//! to read both.

use crate::json_text::{self, ObjectText};

use super::super::{
    catalogue::Amount,
    refund::{Line, Refund, Stage, time},
};

/// The code of a refund's state in the ERP (contract §8).
pub fn process_status(refund: &Refund) -> u32 {
    match refund.stage {
        Stage::Cancelled => 10,
        Stage::ToReview => 20,
        Stage::Agreed => 30,
        Stage::ToReceive => 60,
        Stage::ToSettle => 80,
        Stage::Done => 90,
    }
}

/// How the ids and codes of one record are written.
#[derive(Clone, Copy)]
struct Style {
    numbers: bool,
}

impl Style {
    fn of(refund: &Refund) -> Self {
        Self { numbers: refund.index % 3 == 2 }
    }

    fn whole(self, value: impl Into<u64>) -> String {
        let value = value.into();
        if self.numbers { value.to_string() } else { format!("\"{value}\"") }
    }
}

/// The record as the bytes a page carries.
pub fn text(refund: &Refund) -> String {
    let style = Style::of(refund);
    let out = if refund.kind == 3 { vec![replacement(refund, style)] } else { Vec::new() };
    let lines: Vec<_> = refund.lines.iter().map(|given| line(refund, given, style)).collect();
    let object = amounts(heading(refund, style), refund);
    let object = parcel(object, refund, style);
    people(object, refund)
        .text("refund_reason", refund.reason())
        .text("remark", &refund.remark())
        .text("flag_name", "")
        .text("creator_name", "系统")
        .text("error_msg", "")
        .text("refund_time", &time(Some(refund.asked)))
        .text("finish_time", &time(refund.settled))
        .text("created", &time(Some(refund.created)))
        .text("modified", &time(Some(refund.modified)))
        .raw("refund_order_list", json_text::array(lines.iter().map(String::as_str)))
        .raw("refund_out_goods_list", json_text::array(out.iter().map(String::as_str)))
        .finish()
}

fn heading(refund: &Refund, style: Style) -> ObjectText {
    ObjectText::new()
        .raw("refund_id", style.whole(refund.id))
        .text("refund_no", &refund.no())
        .text("src_no", &refund.platform_no())
        .text("api_outer_no", "")
        .text("outer_no", "")
        .text("tid", &refund.tid())
        .text("sales_tid", &refund.trade_no())
        .raw("sales_trade_id", style.whole(refund.trade_id()))
        .raw("platform_id", style.whole(refund.shop.platform))
        .raw("shop_id", style.whole(refund.shop.id))
        .text("shop_no", refund.shop.no)
        .text("shop_name", refund.shop.name)
        .raw("type", style.whole(refund.kind))
        .raw("process_status", style.whole(process_status(refund)))
        .raw("status", style.whole(refund.stage.platform_status()))
        .raw("cs_status", style.whole(u32::from(refund.kind != 1)))
        .raw("guarantee_mode", style.whole(1_u32))
        .raw("from_type", style.whole(1_u32))
}

fn amounts(object: ObjectText, refund: &Refund) -> ObjectText {
    let nothing = Amount::default().four_decimals();
    object
        .text("goods_amount", &refund.amount().four_decimals())
        .text("refund_amount", &refund.amount().four_decimals())
        .text("actual_refund_amount", &refund.paid_back().four_decimals())
        .text("direct_refund_amount", &nothing)
        .text("guarante_refund_amount", &refund.paid_back().four_decimals())
        .text("exchange_amount", &nothing)
        .text("post_amount", &nothing)
        .text("other_amount", &nothing)
        .text("paid", &refund.amount().four_decimals())
        .text("return_goods_count", &refund.quantity().four_decimals())
}

fn parcel(object: ObjectText, refund: &Refund, style: Style) -> ObjectText {
    let parcel = refund.parcel_no();
    object
        .raw("warehouse_id", style.whole(refund.warehouse_id()))
        .text("warehouse_no", refund.warehouse_no())
        .raw("warehouse_type", style.whole(1_u32))
        .text("return_logistics_name", if parcel.is_empty() { "" } else { "示例快递" })
        .text("return_logistics_no", &parcel)
}

/// Personal data: masked, and partly empty by the platform's rule.
fn people(object: ObjectText, refund: &Refund) -> ObjectText {
    object
        .text("buyer_nick", &refund.buyer)
        .text("receiver_name", &refund.buyer)
        .text("return_name", "")
        .text("return_mobile", &refund.phone)
        .text("return_telno", "")
        .text("return_address", "")
        .text("pay_account", "")
}

fn line(refund: &Refund, line: &Line, style: Style) -> String {
    let goods = &line.goods;
    let list_amount = goods.list_price.times(line.refunded);
    ObjectText::new()
        .raw("order_id", style.whole(line.id))
        .raw("refund_id", style.whole(refund.id))
        .text("oid", &format!("{}-{}", refund.tid(), line.id))
        .text("tid", &refund.tid())
        .text("src_no", &refund.platform_no())
        .text("sales_tid", &refund.trade_no())
        .raw("sales_trade_id", style.whole(refund.trade_id()))
        .raw("sales_order_id", style.whole(line.id + 1_000_000))
        .text("goods_no", &goods.no)
        .text("goods_name", goods.name)
        .text("goods_id", &goods.id.to_string())
        .text("spec_no", &goods.spec_no)
        .text("spec_name", goods.spec_name)
        .text("spec_code", &goods.spec_no)
        .raw("spec_id", style.whole(goods.id))
        .text("barcode", &goods.barcode())
        .text("brand_name", "云锦")
        .text("suite_no", "")
        .text("suite_name", "")
        .text("suite_num", &Amount::default().four_decimals())
        .raw("suite_id", style.whole(0_u32))
        .text("order_num", &line.sold.four_decimals())
        .text("refund_num", &line.refunded.four_decimals())
        .text("stockin_num", &refund.received(line).four_decimals())
        .text("price", &goods.price.four_decimals())
        .text("original_price", &goods.list_price.four_decimals())
        .text("cost_price", &Amount::default().four_decimals())
        .text("market_price", &goods.list_price.four_decimals())
        .text("discount", &Amount(list_amount.0 - line.amount().0).four_decimals())
        .text("paid", &line.amount().four_decimals())
        .text("refund_order_amount", &line.amount().four_decimals())
        .text("total_amount", &line.amount().four_decimals())
        .text("stockin_amount", &goods.price.times(refund.received(line)).four_decimals())
        .raw("process_status", style.whole(process_status(refund)))
        .raw("is_sn_enable", style.whole(0_u32))
        .text("position_no", "")
        .text("remark", "")
        .text("modified", &time(Some(refund.modified)))
        .text("created", &time(Some(refund.created)))
        .finish()
}

/// What an exchange sends out instead.
fn replacement(refund: &Refund, style: Style) -> String {
    let goods = super::super::catalogue::Goods::of(refund.index % 60 + 1);
    ObjectText::new()
        .raw("rec_id", style.whole(refund.id + 4_000_000))
        .raw("refund_id", style.whole(refund.id))
        .raw("target_type", style.whole(1_u32))
        .raw("target_id", style.whole(goods.id))
        .text("goods_name", goods.name)
        .text("spec_name", goods.spec_name)
        .text("spec_code", &goods.spec_no)
        .text("merchant_no", &goods.spec_no)
        .text("barcode", &goods.barcode())
        .text("retail_price", &goods.price.four_decimals())
        .text("num", &Amount(10_000).four_decimals())
        .text("oid", "")
        .raw("is_sn_enable", style.whole(0_u32))
        .text("remark", "")
        .text("created", &time(Some(refund.created)))
        .text("modified", &time(Some(refund.modified)))
        .finish()
}
